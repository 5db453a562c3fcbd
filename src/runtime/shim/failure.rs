//! Errors of any layer below as one line and a class, which is what crosses to the
//! starter's process.

use std::{error::Error, io};

use super::{Failure, FailureKind};
use crate::{
    runtime::{create, donor, spec, store},
    sys::{cgroup, seccomp},
};

/// Says what was tried when something fails.
pub(super) trait Describe<T> {
    /// `what` completes "could not …".
    fn describe(self, what: &str) -> Result<T, Failure>;
}

impl<T, E: Error + 'static> Describe<T> for Result<T, E> {
    fn describe(self, what: &str) -> Result<T, Failure> {
        self.map_err(|error| {
            let kind = kind(&error);
            let message = match kind {
                // The program's own fault, which says all.
                FailureKind::CommandNotFound | FailureKind::CommandNotExecutable => chain(&error),
                _ => format!("{what}: {}", chain(&error)),
            };
            Failure { kind, message }
        })
    }
}

impl Failure {
    /// A failure without a cause.
    pub(super) fn internal(message: &str) -> Self {
        Self {
            kind: FailureKind::Internal,
            message: message.into(),
        }
    }
}

/// An error and every cause of it, in one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The class of an error: that of the first in its chain that has one.
fn kind(error: &(dyn Error + 'static)) -> FailureKind {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(kind) = own_kind(error) {
            return kind;
        }
        next = error.source();
    }
    FailureKind::Internal
}

fn own_kind(error: &(dyn Error + 'static)) -> Option<FailureKind> {
    if let Some(error) = error.downcast_ref::<create::Error>() {
        return match error {
            create::Error::CommandNotFound { .. } => Some(FailureKind::CommandNotFound),
            create::Error::NotExecutable { .. } => Some(FailureKind::CommandNotExecutable),
            create::Error::Unsupported { .. } => Some(FailureKind::Unsupported),
            create::Error::Invalid { .. } => Some(FailureKind::Invalid),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<cgroup::Error>() {
        return match error {
            cgroup::Error::Unsupported { .. } => Some(FailureKind::Unsupported),
            cgroup::Error::Invalid { .. } => Some(FailureKind::Invalid),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<donor::Error>() {
        return match error {
            donor::Error::NotRunning { .. } => Some(FailureKind::Conflict),
            donor::Error::NotShareable(_) => Some(FailureKind::Invalid),
            donor::Error::Missing(_) => Some(FailureKind::Missing),
            donor::Error::Store(_) | donor::Error::Io { .. } => None,
        };
    }
    if error.is::<seccomp::Error>() {
        return Some(FailureKind::Invalid);
    }
    if let Some(spec::Error::Invalid(_)) = error.downcast_ref() {
        return Some(FailureKind::Invalid);
    }
    if let Some(store::Error::Malformed { .. }) = error.downcast_ref() {
        return Some(FailureKind::Internal);
    }
    let error = error.downcast_ref::<io::Error>()?;
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
    .then_some(FailureKind::NoSpace)
}
