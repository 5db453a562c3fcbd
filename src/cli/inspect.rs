//! `wharf inspect`

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    Context,
    failure::{Failure, Outcome},
    output::print,
    table::of_format,
};
use crate::{
    engine::{self, EngineError, ErrorKind},
    format::inspect::container,
    model::Image,
};

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// json, or a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Look only among these
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<Kind>,
    /// Containers or images, by name or id
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Arguments of `container inspect`.
#[derive(Args, Debug)]
pub struct ContainerInspectArgs {
    /// json, or a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Containers, by name or id
    #[arg(required = true, value_name = "CONTAINER")]
    names: Vec<String>,
}

/// Arguments of `image inspect`.
#[derive(Args, Debug)]
pub struct ImageInspectArgs {
    /// json, or a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Images, by reference or id
    #[arg(required = true, value_name = "IMAGE")]
    names: Vec<String>,
}

/// What can be inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Container,
    Image,
}

impl From<ContainerInspectArgs> for InspectArgs {
    fn from(args: ContainerInspectArgs) -> Self {
        Self {
            format: args.format,
            kind: Some(Kind::Container),
            names: args.names,
        }
    }
}

/// Prints all that is known about containers or images, in docker's shape.
pub async fn run(args: &InspectArgs, context: &Context) -> Outcome {
    let look = async |name: &str| one(name, args.kind, context).await;
    each(&args.names, args.format.as_deref(), look).await
}

/// Looks at each of the names, tells why it can't at some, and prints what it found.
pub async fn each(
    names: &[String],
    format: Option<&str>,
    look: impl AsyncFn(&str) -> engine::Result<Value>,
) -> Outcome {
    let mut found = Vec::new();
    let mut code = 0;
    for name in names {
        match look(name).await {
            Ok(value) => found.push(value),
            Err(error) => {
                Failure::from(error).report();
                code = 1;
            }
        }
    }
    tell(&found, format)?;
    Ok(code)
}

/// The same for images only.
pub async fn run_images(args: &ImageInspectArgs, context: &Context) -> Outcome {
    let args = InspectArgs {
        format: args.format.clone(),
        kind: Some(Kind::Image),
        names: args.names.clone(),
    };
    run(&args, context).await
}

async fn one(name: &str, kind: Option<Kind>, context: &Context) -> Result<Value, EngineError> {
    if kind != Some(Kind::Image) {
        match context.engine.resolve(name).await {
            Ok(id) => return Ok(container(&context.engine.inspect(&id).await?)),
            Err(error) if kind.is_none() && error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    match context.engine.image(name).await {
        Ok(found) => Ok(image(&found, &context.engine.image_config(name).await?)),
        Err(error) if kind.is_none() && error.kind == ErrorKind::NotFound => {
            Err(EngineError::new(ErrorKind::NotFound, "inspect", name)
                .because("no such container or image"))
        }
        Err(error) => Err(error),
    }
}

/// Prints what was found, by a template if there is one.
pub fn tell(found: &[Value], format: Option<&str>) -> Result<(), Failure> {
    let Some(format) = format else {
        print(&format!("{:#}\n", Value::Array(found.to_vec())))?;
        return Ok(());
    };
    for value in found {
        print(&(of_format(format, value)? + "\n"))?;
    }
    Ok(())
}

fn image(image: &Image, config: &Value) -> Value {
    let (os, architecture) = image
        .platform
        .split_once('/')
        .unwrap_or((&image.platform, ""));
    let sizes = |layer: &crate::model::Layer| {
        json!({
            "DiffId": layer.diff_id,
            "Size": layer.size_bytes,
            "CreatedBy": layer.created_by,
        })
    };
    json!({
        "Id": image.id,
        "RepoTags": image.references,
        "RepoDigests": image.repo_digests,
        "Digest": image.manifest,
        "Created": image.created,
        "Architecture": architecture,
        "Os": os,
        "Size": image.size_bytes,
        "SharedSize": image.shared_bytes,
        "Config": config.get("config").cloned().unwrap_or(json!({})),
        "RootFS": {
            "Type": "layers",
            "Layers": image.layers.iter().map(|layer| &layer.diff_id).collect::<Vec<_>>(),
        },
        "LayerDetails": image.layers.iter().map(sizes).collect::<Vec<_>>(),
        "History": config.get("history").cloned().unwrap_or(json!([])),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{format::columns::sample, model::State};

    #[test]
    fn container_has_dockers_shape() {
        let mut web = sample::container("web", State::Exited);
        web.exit = Some(sample::exit(137));
        web.config.limits.memory_bytes = Some(64 << 20);
        let value = container(&web);
        let ask = |template: &str| of_format(template, &value).unwrap();
        assert_eq!(ask("{{.State.Status}} {{.State.ExitCode}}"), "exited 137");
        assert_eq!(ask("{{.Name}}"), "/web");
        assert_eq!(ask("{{.HostConfig.Memory}}"), "67108864");
        assert_eq!(ask("{{json .Config.Labels}}"), "{}");
        assert_eq!(ask("{{.HostConfig.RestartPolicy.Name}}"), "no");
        assert!(
            of_format("{{.Stat}}", &value)
                .unwrap_err()
                .message
                .contains("State")
        );
    }

    #[test]
    fn exit_that_nobody_saw_is_null_and_never_zero() {
        let mut job = sample::container("job", State::Exited);
        job.exit = Some(sample::exit(0));
        job.exit.as_mut().unwrap().code = None;
        assert_eq!(container(&job)["State"]["ExitCode"], Value::Null);
    }
}
