//! What each instruction does to the stage that it stands in.

use std::{os::fd::AsFd, path::Path};

use sha2::{Digest as _, Sha256};

use super::{
    Error, Result,
    builder::{Builder, Site, owner},
    copy::CopyStep,
    error::failed,
    made::Made,
    run::RunStep,
    scope::Scope,
    tree,
};
use crate::dockerfile::{Copy, InstructionKind};

impl Builder<'_> {
    /// Does what an instruction says.
    pub(super) fn apply(&self, site: &Site<'_>, made: &mut Made, scope: &mut Scope) -> Result<()> {
        let instruction = site.instruction;
        match &instruction.kind {
            InstructionKind::Arg(pairs) => {
                for (name, value) in pairs {
                    scope
                        .declare(&self.globals, name, value.as_deref())
                        .map_err(|error| Error::new(error.to_string()))?;
                }
                made.say(instruction.text.clone());
            }
            InstructionKind::Maintainer(who) => {
                made.document.author = Some(who.clone());
                made.say(format!("MAINTAINER {who}"));
            }
            InstructionKind::Copy(copy) | InstructionKind::Add(copy) => {
                let is_add = matches!(instruction.kind, InstructionKind::Add(_));
                return self.copy(site, made, scope, copy, is_add);
            }
            InstructionKind::Run(run) => {
                let step = RunStep::new(self, site.stage, made, scope, run)?;
                let said = format!("RUN {}", step.said());
                let (key, work) = (
                    || Ok(step.key()),
                    |number| step.run(self, number, &made.layers),
                );
                let layer = self.step(site, &made.layers, key, || Ok(None), work)?;
                made.add(layer, said);
                return Ok(());
            }
            kind => {
                let config = &mut made.document.config;
                let said = config
                    .apply(kind, &|word| scope.expand(word), made.has_own_cmd)
                    .map_err(Error::new)?;
                made.has_own_cmd |= matches!(kind, InstructionKind::Cmd(_));
                scope.env.clone_from(&config.env);
                match kind {
                    InstructionKind::Workdir(_) => self.workdir(site, made, said)?,
                    InstructionKind::Healthcheck(_) => made.say(instruction.text.clone()),
                    _ => made.say(said),
                }
            }
        }
        Ok(())
    }

    fn workdir(&self, site: &Site<'_>, made: &mut Made, said: String) -> Result<()> {
        let config = &made.document.config;
        let (path, user) = (config.working_dir.clone(), config.user.clone());
        let key = || {
            let mut key = Sha256::new();
            key.update(format!("workdir {path:?} {user:?}"));
            Ok(key)
        };
        let layer = self.step(
            site,
            &made.layers,
            key,
            || Ok(None),
            |_| {
                self.change_files(&made.layers, false, |root, overlay| {
                    let owner = owner(overlay, &user)?;
                    tree::make_directories(root.as_fd(), Path::new(&path), owner)
                        .map_err(failed(format!("make the directory {path}")))?;
                    Ok(())
                })
            },
        )?;
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
        let work = |_| self.change_files(beneath, true, |root, overlay| step.run(root, overlay));
        let (key, again) = (|| step.key(), || step.key_by_contents());
        let layer = self.step(site, beneath, key, again, work)?;
        let name = if is_add { "ADD" } else { "COPY" };
        made.add(layer, format!("{name} {}", step.said()));
        Ok(())
    }
}
