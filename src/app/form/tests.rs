//! The form and the command line that it is.

use super::*;
use crate::model::Planned;

fn form(values: &[(&str, &str)]) -> Form {
    let mut form = Form::run("");
    for (title, text) in values {
        let mut fields = form.fields.iter_mut();
        let field = fields.find(|field| field.title == *title).unwrap();
        field.value = Value::Text((*text).into());
    }
    form
}

#[test]
fn fields_become_the_command_that_does_the_same() {
    let mut form = form(&[
        ("image", "debian:12"),
        ("command", "sh -c 'echo $X'"),
        ("name", "web"),
        ("memory", "512m"),
        ("variables", "A=1 B='x y'"),
        ("networks", "front back"),
        ("ports", "8080:80"),
    ]);
    let mut set = |title: &str, value| {
        let mut fields = form.fields.iter_mut();
        fields.find(|field| field.title == title).unwrap().value = value;
    };
    set("restart", Value::OneOf(2, RESTART));
    set("terminal", Value::Is(true));
    let command = form.command().unwrap();
    assert_eq!(
        command,
        "wharf run -d --name web --memory 512m --env=A=1 '--env=B=x y' --restart always \
         --network=front --network=back --publish=8080:80 -t debian:12 sh -c 'echo $X'"
    );
    form.plan(crate::cli::plan);
    let Planned::Run(request) = form.planned.unwrap() else {
        panic!("it runs a container");
    };
    assert_eq!(request.name.as_deref(), Some("web"));
    assert_eq!(request.config.limits.memory_bytes, Some(512 << 20));
    assert_eq!(request.config.command, ["sh", "-c", "echo $X"]);
    assert!(request.config.tty);
}

#[test]
fn forms_of_networks_and_volumes_are_read_by_their_commands() {
    let fill = |mut form: Form, values: &[(&str, &str)]| {
        for (title, text) in values {
            let mut fields = form.fields.iter_mut();
            let field = fields.find(|field| field.title == *title).unwrap();
            field.value = Value::Text((*text).into());
        }
        form.plan(crate::cli::plan);
        (form.command(), form.planned)
    };
    let (_, wrong) = fill(Form::network(), &[]);
    assert_eq!(wrong.unwrap_err(), "a name is needed");
    let (_, wrong) = fill(Form::network(), &[("name", "a"), ("subnet", "lots")]);
    assert!(wrong.unwrap_err().contains("--subnet"));
    let (command, planned) = fill(
        Form::network(),
        &[("name", "front"), ("subnet", "10.5.0.0/24 fd05::/64")],
    );
    assert_eq!(
        command.unwrap(),
        "wharf network create --subnet=10.5.0.0/24 --subnet=fd05::/64 front"
    );
    let Planned::Network(request) = planned.unwrap() else {
        panic!("it makes a network");
    };
    assert_eq!((request.name.as_str(), request.subnets.len()), ("front", 2));

    let (_, wrong) = fill(Form::connection("front"), &[]);
    assert_eq!(wrong.unwrap_err(), "a container is needed");
    let values = [
        ("container", "web"),
        ("aliases", "www app"),
        ("ip", "10.5.0.9"),
    ];
    let (command, planned) = fill(Form::connection("front"), &values);
    assert_eq!(
        command.unwrap(),
        "wharf network connect --alias=www --alias=app --ip 10.5.0.9 front web"
    );
    let Planned::Connect {
        container,
        attachment,
    } = planned.unwrap()
    else {
        panic!("it connects");
    };
    assert_eq!((&*container, &*attachment.network), ("web", "front"));
    assert_eq!(attachment.aliases, ["www", "app"]);

    let (command, planned) = fill(Form::volume(), &[]);
    assert_eq!(command.unwrap(), "wharf volume create");
    assert!(planned.is_ok());
    let values = [("name", "data"), ("options", "type=tmpfs device=tmpfs")];
    let (_, planned) = fill(Form::volume(), &values);
    let Planned::Volume(request) = planned.unwrap() else {
        panic!("it makes a volume");
    };
    assert_eq!(request.options["type"], "tmpfs");
}

#[test]
fn what_is_wrong_is_told_in_the_command_lines_own_words() {
    let wrong = |values: &[(&str, &str)]| {
        let mut form = form(values);
        form.plan(crate::cli::plan);
        form.planned.unwrap_err()
    };
    assert_eq!(wrong(&[]), "an image is needed");
    let memory = wrong(&[("image", "a"), ("memory", "lots")]);
    assert!(
        memory.contains("--memory") && !memory.contains('\n'),
        "{memory}"
    );
    assert!(wrong(&[("image", "a"), ("memory", "1m")]).contains("at least"));
    assert!(wrong(&[("image", "a"), ("command", "sh '")]).contains("quotation"));
    assert!(wrong(&[("image", "--privileged")]).contains("no image"));
    let name = wrong(&[("image", "a"), ("cpus", "--privileged")]);
    assert!(name.contains("--cpus"), "{name}");
}

#[test]
fn the_form_of_a_build_becomes_the_command_that_does_the_same() {
    let mut form = Form::build();
    for (title, text) in [
        ("context", "./app"),
        ("names", "shop:3 shop:latest"),
        ("target", "web"),
        ("arguments", "A=1 B='x y'"),
    ] {
        let mut fields = form.fields.iter_mut();
        let field = fields.find(|field| field.title == title).unwrap();
        field.value = Value::Text(text.into());
    }
    form.fields.last_mut().unwrap().value = Value::Is(true);
    assert_eq!(
        form.command().unwrap(),
        "wharf build --tag=shop:3 --tag=shop:latest --target web --build-arg=A=1 \
         '--build-arg=B=x y' --pull ./app"
    );
    form.plan(crate::cli::plan);
    assert_eq!(form.planned, Ok(Planned::Build));
    assert_eq!(form.build_title(), "shop:3");
    form.fields[0].value = Value::Text(" ".into());
    form.plan(crate::cli::plan);
    assert_eq!(form.planned, Err("a context is needed".into()));
    form.fields[0].value = Value::Text("--no-cache".into());
    assert!(form.words().unwrap_err().contains("no context"));
}
