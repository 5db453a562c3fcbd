//! `wharf container …`: the commands of containers under docker's longer names.

use clap::Subcommand;

use super::{
    Command, attach, commit, cp, create, diff, exec, export, inspect, items, kill, logs, prune, ps,
    rename, rm, run, start, stats, stop, top, update,
};

/// The commands below `container`.
#[derive(Debug, Subcommand)]
pub enum ContainerCommand {
    Run(run::RunArgs),
    Create(create::CreateArgs),
    Start(start::StartArgs),
    Stop(stop::StopArgs),
    Restart(stop::StopArgs),
    Kill(kill::KillArgs),
    Pause(items::Names),
    Unpause(items::Names),
    #[command(visible_alias = "remove")]
    Rm(rm::RmArgs),
    Prune(prune::PruneArgs),
    Rename(rename::RenameArgs),
    Wait(items::Names),
    /// List the containers with what they use
    #[command(visible_aliases = ["ps", "list"])]
    Ls(ps::PsArgs),
    Stats(stats::StatsArgs),
    Top(top::TopArgs),
    Logs(logs::LogsArgs),
    Exec(exec::ExecArgs),
    Attach(attach::AttachArgs),
    Inspect(inspect::ContainerInspectArgs),
    Diff(diff::DiffArgs),
    Export(export::ExportArgs),
    Cp(cp::CpArgs),
    Commit(commit::CommitArgs),
    Update(update::UpdateArgs),
}

impl From<ContainerCommand> for Command {
    fn from(command: ContainerCommand) -> Self {
        match command {
            ContainerCommand::Run(args) => Self::Run(args),
            ContainerCommand::Create(args) => Self::Create(args),
            ContainerCommand::Start(args) => Self::Start(args),
            ContainerCommand::Stop(args) => Self::Stop(args),
            ContainerCommand::Restart(args) => Self::Restart(args),
            ContainerCommand::Kill(args) => Self::Kill(args),
            ContainerCommand::Pause(args) => Self::Pause(args),
            ContainerCommand::Unpause(args) => Self::Unpause(args),
            ContainerCommand::Rm(args) => Self::Rm(args),
            // It has no shorter name.
            ContainerCommand::Prune(_) => Self::Container(command),
            ContainerCommand::Rename(args) => Self::Rename(args),
            ContainerCommand::Wait(args) => Self::Wait(args),
            ContainerCommand::Ls(args) => Self::Ps(args),
            ContainerCommand::Stats(args) => Self::Stats(args),
            ContainerCommand::Top(args) => Self::Top(args),
            ContainerCommand::Logs(args) => Self::Logs(args),
            ContainerCommand::Exec(args) => Self::Exec(args),
            ContainerCommand::Attach(args) => Self::Attach(args),
            ContainerCommand::Inspect(args) => Self::Inspect(args.into()),
            ContainerCommand::Diff(args) => Self::Diff(args),
            ContainerCommand::Export(args) => Self::Export(args),
            ContainerCommand::Cp(args) => Self::Cp(args),
            ContainerCommand::Commit(args) => Self::Commit(args),
            ContainerCommand::Update(args) => Self::Update(args),
        }
    }
}
