//! The one table from what went wrong underneath to the kind that callers see.

use std::io;

use crate::{
    engine::{EngineError, ErrorKind},
    image::{self, registry},
    network,
    runtime::{
        attach, donor, groups,
        lifecycle::Error,
        shim::{self, FailureKind},
        spec, store,
    },
    sys::cgroup,
    volume,
};

/// A failure of the runtime as an error of the facade.
pub fn facade(operation: &'static str, subject: &str, failure: Error) -> EngineError {
    let kind = kind(&failure);
    let hint = hint(&failure);
    let error = EngineError::new(kind, operation, subject).because(failure);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// A failure and its causes in one line.
pub fn line(what: &str, failure: &dyn std::error::Error) -> String {
    let mut line = format!("{what}: {failure}");
    let mut cause = failure.source();
    while let Some(error) = cause {
        line.push_str(&format!(": {error}"));
        cause = error.source();
    }
    line
}

fn kind(failure: &Error) -> ErrorKind {
    match failure {
        Error::Store(error) => match error {
            store::Error::NotFound(_) => ErrorKind::NotFound,
            store::Error::Ambiguous(_) => ErrorKind::Ambiguous,
            store::Error::NameTaken { .. } => ErrorKind::Conflict,
            store::Error::Io { source, .. } => io_kind(source),
            store::Error::Malformed { .. } => ErrorKind::Internal,
        },
        Error::Spec(spec::Error::Invalid(_)) | Error::Invalid(_) => ErrorKind::Invalid,
        // The files that a specification is made from are those that the user named.
        Error::Spec(spec::Error::Io { source, .. }) => match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ErrorKind::Invalid,
            _ => io_kind(source),
        },
        Error::Image(error) => image_kind(error),
        Error::Layer(error) if error.is_no_space() => ErrorKind::NoSpace,
        Error::Layer(error) if error.is_invalid_input() => ErrorKind::Invalid,
        Error::Layer(_) => ErrorKind::Internal,
        Error::Shim(error) => match error {
            shim::Error::AlreadyRunning => ErrorKind::Conflict,
            shim::Error::Io { source, .. } => io_kind(source),
            shim::Error::Lost => ErrorKind::Internal,
            shim::Error::Failed(failure) => match failure.kind {
                FailureKind::CommandNotFound => ErrorKind::CommandNotFound,
                FailureKind::CommandNotExecutable => ErrorKind::CommandNotExecutable,
                FailureKind::Invalid => ErrorKind::Invalid,
                FailureKind::Unsupported => ErrorKind::Unsupported,
                FailureKind::NoSpace => ErrorKind::NoSpace,
                FailureKind::Missing => ErrorKind::NotFound,
                FailureKind::Conflict => ErrorKind::Conflict,
                FailureKind::Internal => ErrorKind::Internal,
            },
        },
        Error::Donor(donor::Error::Missing(_)) => ErrorKind::NotFound,
        Error::Donor(donor::Error::NotRunning { .. }) => ErrorKind::Conflict,
        Error::Donor(donor::Error::NotShareable(_)) => ErrorKind::Invalid,
        Error::Donor(donor::Error::Store(_) | donor::Error::Io { .. }) => ErrorKind::Internal,
        Error::Attach(attach::Error::Refused(_) | attach::Error::Ended) => ErrorKind::Conflict,
        Error::Attach(error) if error.is_gone() => ErrorKind::Conflict,
        Error::Attach(attach::Error::Io { source, .. }) => io_kind(source),
        Error::Attach(attach::Error::Malformed(_)) => ErrorKind::Internal,
        Error::Cgroup(error) => cgroup_kind(error),
        Error::Network(error) => network_kind(error),
        Error::Volume(error) => volume_kind(error),
        Error::State { .. } => ErrorKind::Conflict,
        Error::DoesNotEnd => ErrorKind::Internal,
        Error::NotLogged => ErrorKind::Unsupported,
        // A path in a container, which the user named.
        Error::Io {
            operation: "find",
            source,
            ..
        } if source.kind() == io::ErrorKind::NotFound => ErrorKind::NotFound,
        Error::Io { source, .. } => io_kind(source),
    }
}

/// The kind of a refused change of a group.
pub fn group_kind(error: &groups::Error) -> ErrorKind {
    match error {
        groups::Error::Name { .. } | groups::Error::Spec(_) => ErrorKind::Invalid,
        groups::Error::Foreign
        | groups::Error::Exists
        | groups::Error::NotEmpty
        | groups::Error::Stays { .. } => ErrorKind::Conflict,
        groups::Error::Missing | groups::Error::NoProcess(_) => ErrorKind::NotFound,
        groups::Error::Cgroup(error) => cgroup_kind(error),
        groups::Error::Io { source, .. } => io_kind(source),
    }
}

fn cgroup_kind(error: &cgroup::Error) -> ErrorKind {
    match error {
        cgroup::Error::Unsupported { .. } => ErrorKind::Unsupported,
        // What the kernel refuses of limits is what the user asked.
        cgroup::Error::Invalid { .. } | cgroup::Error::Write { .. } => ErrorKind::Invalid,
        cgroup::Error::Io { source, .. } => io_kind(source),
        cgroup::Error::Gone => ErrorKind::NotFound,
        _ => ErrorKind::Internal,
    }
}

/// The kind of an image's failure.
pub fn image_kind(error: &image::Error) -> ErrorKind {
    match error {
        image::Error::NotFound(_) => ErrorKind::NotFound,
        image::Error::Ambiguous { .. } => ErrorKind::Ambiguous,
        image::Error::Host(image::HostError::Io { source, .. }) => io_kind(source),
        image::Error::Host(_) => ErrorKind::Invalid,
        image::Error::InUse { .. } | image::Error::SeveralNames { .. } => ErrorKind::Conflict,
        image::Error::Io { source, .. } => io_kind(source),
        image::Error::Registry(error) => registry_kind(error),
        error if error.is_no_space() => ErrorKind::NoSpace,
        error if error.is_invalid_input() => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    }
}

fn registry_kind(error: &registry::Error) -> ErrorKind {
    match error {
        registry::Error::NotFound { .. } | registry::Error::NoPlatform { .. } => {
            ErrorKind::NotFound
        }
        registry::Error::Denied { .. } => ErrorKind::Denied,
        registry::Error::Unreachable { .. } | registry::Error::Stalled { .. } => {
            ErrorKind::Unreachable
        }
        registry::Error::Setup { .. } => ErrorKind::Invalid,
        // The registry itself is asked last.
        registry::Error::All(errors) => errors.last().map_or(ErrorKind::Internal, registry_kind),
        _ => ErrorKind::Internal,
    }
}

fn network_kind(error: &network::Error) -> ErrorKind {
    match error {
        network::Error::NotFound(_) => ErrorKind::NotFound,
        network::Error::Ambiguous(_) => ErrorKind::Ambiguous,
        network::Error::NameTaken(_)
        | network::Error::BuiltIn(_)
        | network::Error::InUse(_)
        | network::Error::AddressTaken { .. }
        | network::Error::NoAddress(_)
        | network::Error::NoSubnet(_)
        | network::Error::PortTaken { .. } => ErrorKind::Conflict,
        network::Error::Invalid(_) => ErrorKind::Invalid,
        network::Error::Unsupported(_) | network::Error::Incapable(_) => ErrorKind::Unsupported,
        network::Error::Kernel(error) => io_kind(&error.source),
        network::Error::Io { source, .. } => io_kind(source),
        network::Error::Malformed { .. } => ErrorKind::Internal,
    }
}

fn volume_kind(error: &volume::Error) -> ErrorKind {
    match error {
        volume::Error::NotFound(_) => ErrorKind::NotFound,
        volume::Error::InUse { .. } | volume::Error::Exists(_) => ErrorKind::Conflict,
        // What its device says is about what the user named.
        volume::Error::Invalid(_) | volume::Error::Mount { .. } => ErrorKind::Invalid,
        volume::Error::Layer(error) if error.is_no_space() => ErrorKind::NoSpace,
        volume::Error::Layer(error) if error.is_invalid_input() => ErrorKind::Invalid,
        volume::Error::Io { source, .. } => io_kind(source),
        volume::Error::Layer(_) | volume::Error::Malformed { .. } => ErrorKind::Internal,
    }
}

/// The kind of a failed system call.
pub fn io_kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
        io::ErrorKind::PermissionDenied if !super::is_root() => ErrorKind::NeedsRoot,
        io::ErrorKind::Unsupported => ErrorKind::Unsupported,
        _ => ErrorKind::Internal,
    }
}

fn hint(failure: &Error) -> Option<&'static str> {
    match failure {
        Error::State { hint, .. } => Some(hint),
        Error::NotLogged => Some("it was made with --log-driver none"),
        Error::Store(store::Error::NameTaken { .. }) => {
            Some("remove or rename that container, or choose another name")
        }
        Error::Network(network::Error::NotFound(_)) => {
            Some("`wharf network ls` lists the networks; `wharf network create` makes one")
        }
        Error::Network(network::Error::Incapable(_)) => Some(
            "--network none starts it without one; networks need CAP_NET_ADMIN and a kernel \
             with bridge, veth and nf_tables",
        ),
        Error::Network(network::Error::InUse(_)) => {
            Some("stop them, or take them off by `wharf network disconnect`")
        }
        Error::Network(network::Error::PortTaken { .. }) => {
            Some("choose another port of the host, or leave it out for any that is free")
        }
        Error::Network(network::Error::NoSubnet(_)) => {
            Some("say one by --subnet, or configure others by [network] pools")
        }
        Error::Volume(volume::Error::NotFound(_)) => Some("`wharf volume ls` lists the volumes"),
        Error::Volume(volume::Error::InUse { .. }) => {
            Some("remove those containers first; a stopped one uses its volumes too")
        }
        Error::Image(image::Error::NotFound(_)) => {
            Some("`wharf images` lists the images; `wharf pull` fetches one from a registry")
        }
        Error::Image(
            image::Error::DamagedBlob { .. }
            | image::Error::MissingBlob { .. }
            | image::Error::MissingLayer { .. },
        ) => Some("`wharf image verify` tells what is damaged; pulling again repairs it"),
        Error::Image(image::Error::Registry(error)) => registry_hint(error),
        Error::Image(error) if error.is_invalid_input() => Some("nothing was changed"),
        _ => None,
    }
}

fn registry_hint(error: &registry::Error) -> Option<&'static str> {
    match error {
        registry::Error::NotFound { .. } => Some("look at the name and the tag"),
        registry::Error::NoPlatform { .. } => Some("choose one of them by --platform"),
        registry::Error::Unreachable { reason, .. } if reason.contains("whom we trust") => {
            Some("name its authority by `ca` in [registry] of the configuration")
        }
        registry::Error::All(errors) => errors.last().and_then(registry_hint),
        _ => None,
    }
}
