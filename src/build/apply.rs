//! What each instruction does to the stage that it stands in.

use std::{os::fd::AsFd, path::Path};

use sha2::{Digest as _, Sha256};

use super::{
    Error, Result,
    builder::{Builder, Made, Site, owner},
    copy::CopyStep,
    dockerfile::{Copy, InstructionKind},
    error::failed,
    expand::Expanded,
    run::RunStep,
    scope::Scope,
    tree,
};

impl Builder<'_> {
    /// Does what an instruction says.
    pub(super) fn apply(&self, site: &Site<'_>, made: &mut Made, scope: &mut Scope) -> Result<()> {
        let instruction = site.instruction;
        let word = |scope: &Scope, word: &str| -> Result<Expanded> {
            scope
                .expand(word)
                .map_err(|error| Error::new(error.to_string()))
        };
        let text = |scope: &Scope, one: &str| word(scope, one).map(|expanded| expanded.text);
        let config = &mut made.document.config;
        let said = match &instruction.kind {
            InstructionKind::Arg(pairs) => {
                for (name, value) in pairs {
                    scope
                        .declare(&self.globals, name, value.as_deref())
                        .map_err(|error| Error::new(error.to_string()))?;
                }
                instruction.text.clone()
            }
            InstructionKind::Env(pairs) => {
                // All with the environment before, so that `ENV A=1 B=$A` has the old A.
                let pairs = pairs
                    .iter()
                    .map(|(name, value)| Ok((text(scope, name)?, text(scope, value)?)));
                let pairs = pairs.collect::<Result<Vec<_>>>()?;
                let mut said = String::from("ENV");
                for (name, value) in pairs {
                    config.set_env(&name, &value);
                    said.push_str(&format!(" {name}={value}"));
                }
                scope.env.clone_from(&config.env);
                said
            }
            InstructionKind::Label(pairs) => {
                let mut said = String::from("LABEL");
                for (name, value) in pairs {
                    let (name, value) = (text(scope, name)?, text(scope, value)?);
                    said.push_str(&format!(" {name}={value}"));
                    config.labels.get_or_insert_default().insert(name, value);
                }
                said
            }
            InstructionKind::Maintainer(who) => {
                made.document.author = Some(who.clone());
                format!("MAINTAINER {who}")
            }
            InstructionKind::Cmd(command) => {
                config.cmd = Some(config.words(command));
                made.has_own_cmd = true;
                format!("CMD {:?}", config.cmd.as_deref().unwrap_or_default())
            }
            InstructionKind::Entrypoint(command) => {
                config.set_entrypoint(command, made.has_own_cmd);
                format!(
                    "ENTRYPOINT {:?}",
                    config.entrypoint.as_deref().unwrap_or_default()
                )
            }
            InstructionKind::Shell(words) => {
                config.shell = Some(words.clone());
                format!("SHELL {words:?}")
            }
            InstructionKind::Expose(words) => {
                let mut said = String::from("EXPOSE");
                for one in words {
                    for port in word(scope, one)?.words {
                        config.expose(&port).map_err(Error::new)?;
                        said.push_str(&format!(" {port}"));
                    }
                }
                said
            }
            InstructionKind::Volume(paths) => {
                let paths = paths.iter().map(|path| text(scope, path));
                let paths = paths.collect::<Result<Vec<_>>>()?;
                let said = format!("VOLUME {paths:?}");
                let volumes = config.volumes.get_or_insert_default();
                volumes.extend(paths.into_iter().map(|path| (path, Default::default())));
                said
            }
            InstructionKind::User(user) => {
                config.user = text(scope, user)?;
                format!("USER {}", config.user)
            }
            InstructionKind::Stopsignal(signal) => {
                let signal = text(scope, signal)?;
                if crate::sys::signal::parse(&signal).is_none() {
                    return Err(Error::new(format!("there is no signal {signal}")));
                }
                config.stop_signal = Some(signal.clone());
                format!("STOPSIGNAL {signal}")
            }
            InstructionKind::Healthcheck(health) => {
                config.set_health(health);
                instruction.text.clone()
            }
            InstructionKind::Onbuild(trigger) => {
                config
                    .on_build
                    .get_or_insert_default()
                    .push(trigger.clone());
                format!("ONBUILD {trigger}")
            }
            InstructionKind::Workdir(path) => {
                config.set_working_dir(&text(scope, path)?);
                let said = format!("WORKDIR {}", made.document.config.working_dir);
                return self.workdir(site, made, said);
            }
            InstructionKind::Copy(copy) | InstructionKind::Add(copy) => {
                let is_add = matches!(instruction.kind, InstructionKind::Add(_));
                return self.copy(site, made, scope, copy, is_add);
            }
            InstructionKind::Run(run) => {
                let step = RunStep::new(self, site.stage, made, scope, run)?;
                let said = format!("RUN {}", step.said());
                let layer = self.step(site, &made.layers, step.key(), |number| {
                    step.run(self, number, &made.layers)
                })?;
                made.add(layer, said);
                return Ok(());
            }
        };
        made.say(said);
        Ok(())
    }

    fn workdir(&self, site: &Site<'_>, made: &mut Made, said: String) -> Result<()> {
        let config = &made.document.config;
        let (path, user) = (config.working_dir.clone(), config.user.clone());
        let mut key = Sha256::new();
        key.update(format!("workdir {path:?} {user:?}"));
        let layer = self.step(site, &made.layers, key, |_| {
            self.change_files(&made.layers, false, |root, overlay| {
                let owner = owner(overlay, &user)?;
                tree::make_directories(root.as_fd(), Path::new(&path), owner)
                    .map_err(failed(format!("make the directory {path}")))?;
                Ok(())
            })
        })?;
        made.add(layer, said);
        Ok(())
    }

    fn copy(
        &self,
        site: &Site<'_>,
        made: &mut Made,
        scope: &Scope,
        copy: &Copy,
        is_add: bool,
    ) -> Result<()> {
        let step = CopyStep::new(self, site.stage, made, scope, copy, is_add)?;
        let beneath = if copy.link { &[][..] } else { &made.layers[..] };
        let layer = self.step(site, beneath, step.key()?, |_| {
            self.change_files(beneath, true, |root, overlay| step.run(root, overlay))
        })?;
        let name = if is_add { "ADD" } else { "COPY" };
        made.add(layer, format!("{name} {}", step.said()));
        Ok(())
    }
}
