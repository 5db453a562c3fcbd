//! `wharf login` and `wharf logout`

use std::io::{self, IsTerminal, Read, Write};

use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::{
    Context, config,
    failure::{Failure, Outcome},
    output::line,
    transfer::clean,
};
use crate::{engine::registry_host, model::LoginRequest};

/// What a login without a registry is for.
const HUB: &str = "docker.io";
/// Bytes that a password may have.
const LONGEST: u64 = 64 << 10;

/// Arguments of `login`.
#[derive(Args, Debug)]
pub struct LoginArgs {
    /// The user's name there
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// The password; others on this machine can see it
    #[arg(
        short,
        long,
        value_name = "PASSWORD",
        conflicts_with = "password_stdin"
    )]
    password: Option<String>,
    /// Host and port; Docker Hub if none is named
    #[arg(value_name = "REGISTRY", default_value = HUB, hide_default_value = true)]
    registry: String,
}

/// Arguments of `logout`.
#[derive(Args, Debug)]
pub struct LogoutArgs {
    /// Host and port; Docker Hub if none is named
    #[arg(value_name = "REGISTRY", default_value = HUB, hide_default_value = true)]
    registry: String,
}

/// Asks the registry whether it takes the login, and keeps it.
pub async fn run(args: &LoginArgs, context: &Context) -> Outcome {
    let registry = host(&args.registry)?;
    let registries = config::registries(&context.loader)?;
    let user = match &args.username {
        Some(user) => user.clone(),
        None if args.password_stdin => {
            return Err(Failure::usage("--password-stdin needs --username"));
        }
        None => ask("Username: ", true)?,
    };
    let password = match &args.password {
        Some(password) => {
            eprintln!("wharf: -p shows the password to others; --password-stdin does not");
            password.clone()
        }
        None if args.password_stdin => {
            let mut text = String::new();
            io::stdin().take(LONGEST).read_to_string(&mut text)?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        None => ask("Password: ", false)?,
    };
    if user.is_empty() || password.is_empty() {
        return Err(Failure::usage("a name and a password are needed"));
    }
    if user.contains(':') {
        return Err(Failure::usage("a user's name has no colon"));
    }
    let request = LoginRequest {
        keep: true,
        registry,
        user,
        password,
        registries,
    };
    let path = context.engine.log_in(request).await?;
    eprintln!("The login is kept in {path}, readable by you alone.");
    line("Login succeeded")?;
    Ok(0)
}

/// Forgets a login.
pub async fn forget(args: &LogoutArgs, context: &Context) -> Outcome {
    let registry = host(&args.registry)?;
    match context.engine.log_out(&registry).await? {
        true => line(&format!("Login of {registry} removed"))?,
        false => line(&format!("There was no login of {registry} to remove"))?,
    }
    Ok(0)
}

/// Host and port, from what people write.
fn host(text: &str) -> Result<String, Failure> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    match registry_host(text) {
        host if !host.is_empty() && host.bytes().all(fits) => Ok(host.to_owned()),
        _ => Err(Failure::usage(format!("{} is no registry", clean(text)))
            .with_hint("it is host or host:port")),
    }
}

/// Asks at the terminal; a password is not shown.
fn ask(prompt: &str, is_shown: bool) -> Result<String, Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::usage("there is no terminal to ask at")
            .with_hint("give --username, and the password by --password-stdin"));
    }
    eprint!("{prompt}");
    // A prompt that can't be shown is no reason to stop.
    let _ = io::stderr().flush();
    let before = tcgetattr(&stdin).map_err(io::Error::from)?;
    if !is_shown {
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO;
        tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(io::Error::from)?;
    }
    let mut text = String::new();
    let read = stdin.read_line(&mut text);
    if !is_shown {
        eprintln!();
        tcsetattr(&stdin, OptionalActions::Flush, &before).map_err(io::Error::from)?;
    }
    read?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_read_as_people_write_them() {
        for (text, expected) in [
            ("docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("localhost:5000", "localhost:5000"),
            ("https://ghcr.io/team", "ghcr.io"),
            ("[::1]:5000", "[::1]:5000"),
        ] {
            assert_eq!(host(text), Ok(expected.to_owned()), "{text}");
        }
        for bad in ["", "https://", "a b", "x\u{1b}[2J"] {
            assert!(host(bad).is_err(), "{bad:?}");
        }
    }
}
