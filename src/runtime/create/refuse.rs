//! What this runtime does not do is refused by its name: a field that is silently
//! ignored is a limit that does not hold.

use std::path::Path;

use oci_spec::runtime::{Process, Spec};

use super::error::{Error, Result};

/// Check the whole specification but for what its readers check themselves.
pub(super) fn check(spec: &Spec) -> Result<()> {
    let major = spec.version().split('.').next();
    if major != Some("1") {
        return Err(Error::unsupported(format!(
            "ociVersion {:?}",
            spec.version()
        )));
    }
    let foreign = [
        ("windows", spec.windows().is_some()),
        ("solaris", spec.solaris().is_some()),
        ("vm", spec.vm().is_some()),
        ("zos", spec.zos().is_some()),
    ];
    refuse(&foreign)?;
    if let Some(linux) = spec.linux() {
        let label = linux.mount_label().as_ref();
        let net_devices = linux.net_devices().as_ref();
        refuse(&[
            ("linux.intelRdt", linux.intel_rdt().is_some()),
            ("linux.memoryPolicy", linux.memory_policy().is_some()),
            (
                "linux.netDevices",
                net_devices.is_some_and(|devices| !devices.is_empty()),
            ),
            (
                "linux.mountLabel",
                label.is_some_and(|label| !label.is_empty()),
            ),
        ])?;
    }
    spec.process().as_ref().map_or(Ok(()), process)
}

/// Check a process, of a container or of an exec.
pub(super) fn process(process: &Process) -> Result<()> {
    let set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let apparmor = process.apparmor_profile();
    // Where the kernel has no AppArmor everything is unconfined, and saying so is true.
    let has_apparmor = Path::new("/sys/kernel/security/apparmor").exists();
    let unconfined = apparmor.as_deref() == Some("unconfined") && !has_apparmor;
    refuse(&[
        ("process.apparmorProfile", set(apparmor) && !unconfined),
        ("process.selinuxLabel", set(process.selinux_label())),
        ("process.commandLine", set(process.command_line())),
        (
            "process.execCPUAffinity",
            process.exec_cpu_affinity().is_some(),
        ),
    ])
}

fn refuse(fields: &[(&str, bool)]) -> Result<()> {
    match fields.iter().find(|(_, used)| *used) {
        Some((field, _)) => Err(Error::unsupported(*field)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_beyond_us_are_refused_by_name() {
        for (field, spec) in [
            ("ociVersion", json!({"ociVersion": "2.0.0"})),
            (
                "linux.intelRdt",
                json!({"ociVersion": "1.0.2", "linux": {"intelRdt": {}}}),
            ),
            (
                "linux.mountLabel",
                json!({"ociVersion": "1.3.0", "linux": {"mountLabel": "x"}}),
            ),
            (
                "process.selinuxLabel",
                json!({"ociVersion": "1.0.2", "process":
                    {"user": {}, "cwd": "/", "selinuxLabel": "x"}}),
            ),
        ] {
            let spec: Spec = serde_json::from_value(spec).expect("spec");
            let error = check(&spec).expect_err(field).to_string();
            assert!(error.starts_with(field), "{error}");
        }
    }

    #[test]
    fn every_version_of_major_one_is_accepted() {
        for version in ["1.0.0", "1.0.2-dev", "1.2.1", "1.99.0+x"] {
            let spec = json!({"ociVersion": version});
            check(&serde_json::from_value(spec).expect("spec")).expect(version);
        }
    }
}
