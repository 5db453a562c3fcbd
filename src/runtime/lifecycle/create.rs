//! Making a container: what the user asked, with the image's defaults beneath it.

use std::{fs::File, io};

use jiff::Timestamp;

use super::{Error, Lifecycle, Result, failed};
use crate::{
    image::{ImageStore, ResolvedImage},
    layer,
    model::{
        ContainerConfig, ContainerId, CreateRequest, DEFAULT_NETWORK, ImageDefaults, IpcMode,
        NetworkId, NetworkMode, PidMode, Pool,
    },
    runtime::{
        donor, names,
        record::{ContainerRecord, ProcessRecord},
        spec,
        store::NamesLock,
    },
    sys::signal,
};

/// Random names that are tried before a number is put behind one.
const TRIES: u32 = 8;

impl Lifecycle {
    /// Makes a container; nothing runs yet.
    pub fn create(&self, request: CreateRequest) -> Result<ContainerId> {
        let CreateRequest {
            name,
            mut config,
            pools,
        } = request;
        if let Some(name) = &name
            && !names::is_valid(name)
        {
            return Err(Error::Invalid(format!(
                "{name:?} is not a valid name: it may have letters, digits, _ . and -, begins \
                 with a letter or digit and has 2 to 128 of them"
            )));
        }
        self.inherit_mounts(&mut config)?;
        spec::validate(&config)?;
        self.discard(&mut config.limits)?;
        self.find_others(&mut config)?;
        self.find_networks(&mut config, &pools)?;

        self.settle()?;
        // In this order, as everywhere: names, images, the container. The image can't go
        // while its lock is shared; once the record is there, it names the image.
        let taken = self.store.lock_names()?;
        let images = self.images()?;
        let _images_held = images.hold_shared()?;
        let image = images.resolve(&config.image)?;
        let mut labels = image.labels.clone();
        labels.append(&mut config.labels);
        config.labels = labels;
        for port in &image.defaults.exposed {
            if !config.expose.contains(port) {
                config.expose.push(*port);
            }
        }
        if config.health.is_some() || image.health.is_some() {
            let wish = config.health.take().unwrap_or_default();
            config.health = Some(wish.over(image.health.clone()));
        }
        self.name_volumes(&mut config, &image.defaults.volumes)?;
        let id = ContainerId::from_bytes(&random()?);
        self.make(taken, &images, id, name, config, image)
    }

    /// Puts a container on record, and makes its volumes.
    pub(super) fn make(
        &self,
        taken: NamesLock,
        images: &ImageStore,
        id: ContainerId,
        name: Option<String>,
        config: ContainerConfig,
        image: ResolvedImage,
    ) -> Result<ContainerId> {
        let process = process(&config, &image.defaults)?;
        let record = ContainerRecord {
            id,
            name: match name {
                Some(name) => name,
                None => self.free_name(&taken)?,
            },
            created: Timestamp::now(),
            image_id: image.id,
            layers: image.layers,
            process: ProcessRecord {
                labels: config.labels.clone(),
                ..process
            },
            config,
        };
        let top = record.layers.last();
        let top = top.map(|layer| images.layers().path(layer));
        let has_volumes = record.config.mounts.iter().any(|m| m.volume().is_some());
        let held = self.store.create(taken, &record, |dir| {
            if has_volumes {
                File::create(dir.join("unfilled"))?;
            }
            layer::make_writable(dir, top.as_deref())
        })?;
        self.tell(&record, "create", &[]);
        if has_volumes {
            self.give_volumes(&held, &record)?;
        }
        drop(held);
        Ok(record.id)
    }

    /// Calls each container that it shares something with by its id.
    fn find_others(&self, config: &mut ContainerConfig) -> Result<()> {
        let named = [
            match &mut config.network {
                NetworkMode::Container(other) => Some(other),
                _ => None,
            },
            match &mut config.shared.ipc {
                IpcMode::Container(other) => Some(other),
                _ => None,
            },
            match &mut config.shared.pid {
                PidMode::Container(other) => Some(other),
                _ => None,
            },
        ];
        for other in named.into_iter().flatten() {
            *other = donor::resolve(&self.store, other)?.to_string();
        }
        Ok(())
    }

    /// Calls each network by its full name, and makes the default one if it is the first
    /// to be asked for.
    pub(super) fn find_networks(&self, config: &mut ContainerConfig, pools: &[Pool]) -> Result<()> {
        for attachment in &mut config.networks {
            if attachment.network == DEFAULT_NETWORK {
                let id = NetworkId::from_bytes(&random()?);
                self.networks().create_default(pools, id)?;
            }
            let network = self.networks().find(&attachment.network)?;
            attachment.network = network.name;
        }
        Ok(())
    }

    fn free_name(&self, _taken: &NamesLock) -> Result<String> {
        let mut tries = 0;
        loop {
            let [a, b, c, d, digit, ..] = random()?;
            let mut name = names::from_random([a, b, c, d]);
            if tries > TRIES {
                name.push_str(&digit.to_string());
            }
            if self.store.owner(&name)?.is_none() {
                return Ok(name);
            }
            tries += 1;
        }
    }
}

pub(super) fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| failed("read", "random bytes")(io::Error::other(error)))?;
    Ok(bytes)
}

/// What will run, by docker's rules: an entrypoint of the user's clears the image's
/// command, and a command of the user's replaces it.
fn process(config: &ContainerConfig, image: &ImageDefaults) -> Result<ProcessRecord> {
    let (mut argv, default_command) = match &config.entrypoint {
        Some(entrypoint) => (entrypoint.clone(), &[][..]),
        None => (image.entrypoint.clone(), &image.cmd[..]),
    };
    if config.command.is_empty() {
        argv.extend_from_slice(default_command);
    } else {
        argv.extend_from_slice(&config.command);
    }
    if argv.is_empty() {
        return Err(Error::Invalid(
            "no command: neither the image nor the arguments name one".into(),
        ));
    }
    let path = vec![format!("PATH={}", spec::DEFAULT_PATH)];
    let env = spec::merge_env(spec::merge_env(path, &image.env), &config.env);
    let cwd = config.working_dir.as_ref().unwrap_or(&image.working_dir);
    let stop_signal = config.stop_signal.as_ref().or(image.stop_signal.as_ref());
    if let Some(name) = stop_signal
        && signal::parse(name).is_none()
    {
        return Err(Error::Invalid(format!("there is no signal {name}")));
    }
    Ok(ProcessRecord {
        argv,
        env,
        cwd: if cwd.is_empty() { "/" } else { cwd }.to_owned(),
        user: config.user.as_ref().unwrap_or(&image.user).clone(),
        labels: Default::default(),
        stop_signal: stop_signal.cloned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> ImageDefaults {
        ImageDefaults {
            entrypoint: vec!["/entry".into()],
            cmd: vec!["serve".into()],
            env: vec!["PATH=/image".into(), "MODE=image".into()],
            working_dir: "/srv".into(),
            user: "web".into(),
            stop_signal: Some("SIGQUIT".into()),
            exposed: vec![],
            volumes: vec![],
        }
    }

    fn argv(entrypoint: Option<&[&str]>, command: &[&str]) -> Vec<String> {
        let own = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        let config = ContainerConfig {
            entrypoint: entrypoint.map(own),
            command: own(command),
            ..ContainerConfig::default()
        };
        process(&config, &image()).map_or(vec![], |process| process.argv)
    }

    #[test]
    fn entrypoint_and_command_combine_as_dockers_do() {
        assert_eq!(argv(None, &[]), ["/entry", "serve"]);
        assert_eq!(argv(None, &["test"]), ["/entry", "test"]);
        assert_eq!(argv(Some(&["sh"]), &[]), ["sh"]);
        assert_eq!(argv(Some(&["sh"]), &["-c", "x"]), ["sh", "-c", "x"]);
        assert_eq!(argv(Some(&[]), &["ls"]), ["ls"]);
        assert!(argv(Some(&[]), &[]).is_empty());
    }

    #[test]
    fn user_goes_before_image_and_image_before_default() {
        let config = ContainerConfig {
            env: vec!["MODE=user".into(), "NEW=1".into()],
            ..ContainerConfig::default()
        };
        let made = process(&config, &image()).unwrap();
        assert_eq!(made.env, ["PATH=/image", "MODE=user", "NEW=1"]);
        assert_eq!((made.cwd.as_str(), made.user.as_str()), ("/srv", "web"));
        assert_eq!(made.stop_signal.as_deref(), Some("SIGQUIT"));
        let plain = ImageDefaults {
            cmd: vec!["sh".into()],
            ..ImageDefaults::default()
        };
        let made = process(&ContainerConfig::default(), &plain).unwrap();
        assert_eq!(made.env, [format!("PATH={}", spec::DEFAULT_PATH)]);
        assert_eq!((made.cwd.as_str(), made.user.as_str()), ("/", ""));
    }

    #[test]
    fn unknown_stop_signal_is_refused() {
        let config = ContainerConfig {
            stop_signal: Some("SIGNOPE".into()),
            ..ContainerConfig::default()
        };
        assert!(process(&config, &image()).is_err());
    }
}
