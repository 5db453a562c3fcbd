//! The command line, word for word runc's: whoever drives runc can drive this.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// An OCI runtime: runs bundles, for programs that drive OCI runtimes.
#[derive(Debug, Parser)]
#[command(name = "wharf oci", version, disable_help_subcommand = true)]
pub(super) struct Cli {
    /// Where the state of containers is kept
    #[arg(long, default_value = "/run/wharf/oci", value_name = "DIR")]
    pub root: PathBuf,
    /// Where errors are written besides standard error
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// How they are written there
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Accepted, without effect
    #[arg(long, hide = true)]
    pub debug: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// How errors are written to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// `time="..." level=error msg="..."`
    Text,
    /// One JSON object a line
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a container: its process is set up and waits for start
    Create(Create),
    /// Start the program of a created container
    Start {
        /// The container
        id: String,
    },
    /// Create and start a container, wait for its end, delete it
    Run(Run),
    /// Print the state of a container as JSON
    State {
        /// The container
        id: String,
    },
    /// Send a signal to a container's first process
    Kill {
        /// Send it to all processes of the container
        #[arg(long, short)]
        all: bool,
        /// The container
        id: String,
        /// Name or number
        #[arg(default_value = "SIGTERM")]
        signal: String,
    },
    /// Delete a stopped container
    Delete {
        /// Kill it first if it runs; no error if it does not exist
        #[arg(long, short)]
        force: bool,
        /// The container
        id: String,
    },
    /// Run a further process in a container
    Exec(Box<Exec>),
    /// Freeze all processes of a container
    Pause {
        /// The container
        id: String,
    },
    /// Thaw them
    Resume {
        /// The container
        id: String,
    },
    /// Change the limits of a container
    Update(Box<Update>),
    /// List the processes of a container
    Ps {
        /// How
        #[arg(long, short, value_enum, default_value = "table")]
        format: Format,
        /// The container
        id: String,
    },
    /// List all containers under this root
    List {
        /// How
        #[arg(long, short, value_enum, default_value = "table")]
        format: Format,
        /// Only their ids
        #[arg(long, short)]
        quiet: bool,
    },
    /// Write a specification to start from
    Spec {
        /// Directory of the bundle
        #[arg(long, short, value_name = "DIR")]
        bundle: Option<PathBuf>,
    },
    /// Say what this runtime can do, as JSON
    Features,
}

/// Table or JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

/// How to make a container.
#[derive(Args, Debug)]
pub(super) struct Create {
    /// Directory of the bundle, instead of the working directory
    #[arg(long, short, value_name = "DIR")]
    pub bundle: Option<PathBuf>,
    /// Unix socket that gets the terminal's master
    #[arg(long, value_name = "SOCKET")]
    pub console_socket: Option<PathBuf>,
    /// File that gets the process id
    #[arg(long, value_name = "FILE")]
    pub pid_file: Option<PathBuf>,
    /// Accepted: where pivot_root is impossible it is not used anyway
    #[arg(long)]
    pub no_pivot: bool,
    /// Hand on so many descriptors, from 3
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub preserve_fds: u32,
    /// The container
    pub id: String,
}

/// How to run a container.
#[derive(Args, Debug)]
pub(super) struct Run {
    #[command(flatten)]
    pub create: Create,
    /// Leave it to itself once it is started
    #[arg(long, short)]
    pub detach: bool,
    /// Do not delete it after its end
    #[arg(long)]
    pub keep: bool,
    /// Accepted: nothing here depends on it
    #[arg(long)]
    pub no_subreaper: bool,
}

/// What to run in a container.
#[derive(Args, Debug)]
pub(super) struct Exec {
    /// Unix socket that gets the terminal's master
    #[arg(long, value_name = "SOCKET")]
    pub console_socket: Option<PathBuf>,
    /// Working directory in the container
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// NAME=value, in addition to the container's environment
    #[arg(long, short, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// With a terminal
    #[arg(long, short)]
    pub tty: bool,
    /// As this user
    #[arg(long, short, value_name = "UID[:GID]")]
    pub user: Option<String>,
    /// With these groups too
    #[arg(long, short = 'g', value_name = "GID")]
    pub additional_gids: Vec<u32>,
    /// File that holds the process as OCI JSON
    #[arg(long, short, value_name = "FILE")]
    pub process: Option<PathBuf>,
    /// Do not wait for it
    #[arg(long, short)]
    pub detach: bool,
    /// File that gets the process id
    #[arg(long, value_name = "FILE")]
    pub pid_file: Option<PathBuf>,
    /// It and its children gain no privileges by execve
    #[arg(long)]
    pub no_new_privs: bool,
    /// With this capability too
    #[arg(long, short, value_name = "CAPABILITY")]
    pub cap: Vec<String>,
    /// Hand on so many descriptors, from 3
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub preserve_fds: u32,
    /// Also in a paused container
    #[arg(long)]
    pub ignore_paused: bool,
    /// The container
    pub id: String,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
}

/// Which limits to change.
#[derive(Args, Debug)]
pub(super) struct Update {
    /// JSON file with the limits, - for standard input; other options are then ignored
    #[arg(long, short, value_name = "FILE")]
    pub resources: Option<PathBuf>,
    /// 10 to 1000
    #[arg(long)]
    pub blkio_weight: Option<u16>,
    /// Microseconds
    #[arg(long)]
    pub cpu_period: Option<u64>,
    /// Microseconds of each period
    #[arg(long, allow_hyphen_values = true)]
    pub cpu_quota: Option<i64>,
    /// Relative weight
    #[arg(long)]
    pub cpu_share: Option<u64>,
    /// CPUs it may use
    #[arg(long)]
    pub cpuset_cpus: Option<String>,
    /// Memory nodes it may use
    #[arg(long)]
    pub cpuset_mems: Option<String>,
    /// Bytes
    #[arg(long, allow_hyphen_values = true)]
    pub memory: Option<i64>,
    /// Bytes
    #[arg(long, allow_hyphen_values = true)]
    pub memory_reservation: Option<i64>,
    /// Bytes of memory and swap, -1 for no limit
    #[arg(long, allow_hyphen_values = true)]
    pub memory_swap: Option<i64>,
    /// Processes
    #[arg(long, allow_hyphen_values = true)]
    pub pids_limit: Option<i64>,
    /// The container
    pub id: String,
}
