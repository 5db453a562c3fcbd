//! `wharf image prune`, `container prune` and `system prune`.

use std::io::{self, BufRead, IsTerminal};

use clap::Args;
use jiff::Timestamp;

use super::{
    Context,
    failure::{Failure, Outcome},
    output::{line, print},
    values::{Parsed, label_filter, time},
};
use crate::{
    format::{bytes, text::sanitize},
    model::{Container, LabelFilter, PruneImages, PruneVolumes, RemoveRequest, State, Visible},
};

/// Arguments of `image prune`, and most of `system prune`.
#[derive(Args, Debug)]
pub struct PruneImagesArgs {
    /// All images that no container uses, not only those without a name
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    common: PruneArgs,
}

/// Arguments of `system prune`.
#[derive(Args, Debug)]
pub struct PruneSystemArgs {
    /// Volumes too that no container uses and that have no name of their own
    #[arg(long)]
    volumes: bool,
    #[command(flatten)]
    images: PruneImagesArgs,
}

/// Arguments of `volume prune`.
#[derive(Args, Debug)]
pub struct PruneVolumesArgs {
    /// Those with a name too
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    common: PruneArgs,
}

/// Arguments of every prune.
#[derive(Args, Debug)]
pub struct PruneArgs {
    /// Don't ask
    #[arg(short, long)]
    force: bool,
    /// Only what matches: until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]
    #[arg(long, value_name = "KEY=VALUE", value_parser = filter)]
    filter: Vec<Filter>,
}

/// One filter.
#[derive(Clone, Debug)]
enum Filter {
    Until(Timestamp),
    Label(LabelFilter),
}

fn filter(text: &str) -> Parsed<Filter> {
    let label = |rest: &str, negated| Filter::Label(label_filter(rest, negated));
    if let Some(rest) = text.strip_prefix("until=") {
        return Ok(Filter::Until(time(rest)?));
    }
    if let Some(rest) = text.strip_prefix("label!=") {
        return Ok(label(rest, true));
    }
    match text.strip_prefix("label=") {
        Some(rest) => Ok(label(rest, false)),
        None => Err("a filter is until=, label= or label!=".into()),
    }
}

impl PruneArgs {
    fn until(&self) -> Option<Timestamp> {
        let times = self.filter.iter().filter_map(|filter| match filter {
            Filter::Until(at) => Some(*at),
            Filter::Label(_) => None,
        });
        times.min()
    }

    fn labels(&self) -> Vec<LabelFilter> {
        let labels = self.filter.iter().filter_map(|filter| match filter {
            Filter::Label(label) => Some(label.clone()),
            Filter::Until(_) => None,
        });
        labels.collect()
    }

    fn means(&self, container: &Container) -> bool {
        let is_stopped = matches!(
            container.state,
            State::Created | State::Exited | State::Dead
        );
        is_stopped
            && self.until().is_none_or(|until| container.created < until)
            && self
                .labels()
                .iter()
                .all(|l| l.matches(&container.config.labels))
    }
}

/// What would go.
#[derive(Default)]
struct Plan {
    containers: Vec<(Container, u64)>,
    images: Option<PruneImages>,
    /// What the images and partial blobs take.
    image_count: usize,
    image_bytes: u64,
    volumes: Option<PruneVolumes>,
    /// What the volumes take.
    volume_count: usize,
    volume_bytes: u64,
}

/// Removes images.
pub async fn images(args: &PruneImagesArgs, context: &Context) -> Outcome {
    let plan = Plan::default().with_images(args, context).await?;
    plan.carry_out(&args.common, context).await
}

/// Removes stopped containers.
pub async fn containers(args: &PruneArgs, context: &Context) -> Outcome {
    let plan = Plan::default().with_containers(args, context).await?;
    plan.carry_out(args, context).await
}

/// Removes volumes.
pub async fn volumes(args: &PruneVolumesArgs, context: &Context) -> Outcome {
    if args.common.until().is_some() {
        return Err(Failure::usage("volumes are not pruned by until="));
    }
    let plan = Plan::default();
    let plan = plan.with_volumes(args.all, &args.common, context).await?;
    plan.carry_out(&args.common, context).await
}

/// Removes all of them.
pub async fn system(args: &PruneSystemArgs, context: &Context) -> Outcome {
    let common = &args.images.common;
    if args.volumes && common.until().is_some() {
        return Err(Failure::usage("volumes are not pruned by until="));
    }
    let plan = Plan::default();
    let plan = plan.with_containers(common, context).await?;
    let mut plan = plan.with_images(&args.images, context).await?;
    if args.volumes {
        plan = plan.with_volumes(false, common, context).await?;
    }
    plan.carry_out(common, context).await
}

impl Plan {
    async fn with_containers(
        mut self,
        args: &PruneArgs,
        context: &Context,
    ) -> Result<Self, Failure> {
        let visible = Visible {
            stats: false,
            ..Visible::default()
        };
        let world = context.engine.world(visible).await?;
        for row in &world.containers {
            let container = &row.container;
            if args.means(container) {
                let bytes = context.engine.writable_bytes(&container.id).await?;
                self.containers.push(((**container).clone(), bytes));
            }
        }
        Ok(self)
    }

    async fn with_images(
        mut self,
        args: &PruneImagesArgs,
        context: &Context,
    ) -> Result<Self, Failure> {
        let request = PruneImages {
            all: args.all,
            until: args.common.until(),
            labels: args.common.labels(),
            preview: true,
        };
        let found = context.engine.prune_images(request.clone()).await?;
        self.image_count = found.images.len();
        self.image_bytes = found.freed_bytes();
        self.images = Some(PruneImages {
            preview: false,
            ..request
        });
        Ok(self)
    }

    async fn with_volumes(
        mut self,
        all: bool,
        args: &PruneArgs,
        context: &Context,
    ) -> Result<Self, Failure> {
        let request = PruneVolumes {
            all,
            labels: args.labels(),
            preview: true,
        };
        let found = context.engine.prune_volumes(request.clone()).await?;
        self.volume_count = found.names.len();
        self.volume_bytes = found.bytes;
        self.volumes = Some(PruneVolumes {
            preview: false,
            ..request
        });
        Ok(self)
    }

    async fn carry_out(self, args: &PruneArgs, context: &Context) -> Outcome {
        let container_bytes: u64 = self.containers.iter().map(|(_, bytes)| bytes).sum();
        if !args.force && !self.is_agreed(container_bytes)? {
            return Ok(0);
        }
        let mut freed = 0;
        let mut code = 0;
        if !self.containers.is_empty() {
            line("Deleted Containers:")?;
        }
        for (container, bytes) in &self.containers {
            let request = RemoveRequest {
                id: container.id.clone(),
                force: false,
                volumes: false,
            };
            match context.engine.remove(request).await {
                Ok(()) => {
                    line(container.id.as_str())?;
                    freed += bytes;
                }
                // Started meanwhile, for one.
                Err(error) => {
                    Failure::from(error).report();
                    code = 1;
                }
            }
        }
        if let Some(request) = self.images {
            let gone = context.engine.prune_images(request).await?;
            if !gone.images.is_empty() {
                line("Deleted Images:")?;
            }
            for image in &gone.images {
                for name in &image.references {
                    line(&format!("untagged: {}", sanitize(name)))?;
                }
                line(&format!("deleted: {}", image.id))?;
            }
            freed += gone.freed_bytes();
        }
        if let Some(request) = self.volumes {
            let gone = context.engine.prune_volumes(request).await?;
            if !gone.names.is_empty() {
                line("Deleted Volumes:")?;
            }
            for name in &gone.names {
                line(name)?;
            }
            freed += gone.bytes;
        }
        line(&format!("Total reclaimed space: {}", bytes::decimal(freed)))?;
        Ok(code)
    }

    /// Says what would go, and asks.
    fn is_agreed(&self, container_bytes: u64) -> Result<bool, Failure> {
        let is_only_containers = self.images.is_none() && self.volumes.is_none();
        if !self.containers.is_empty() || is_only_containers {
            line(&format!(
                "{} stopped containers: {}",
                self.containers.len(),
                bytes::decimal(container_bytes)
            ))?;
        }
        if self.images.is_some() {
            line(&format!(
                "{} images and what came of others: {}",
                self.image_count,
                bytes::decimal(self.image_bytes)
            ))?;
        }
        if self.volumes.is_some() {
            line(&format!(
                "{} volumes: {}",
                self.volume_count,
                bytes::decimal(self.volume_bytes)
            ))?;
        }
        agreed("Remove them?")
    }
}

/// Asks whoever is there whether to go on.
pub(super) fn agreed(question: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(
            Failure::new("prune: nobody is there to ask").with_hint("-f removes without asking")
        );
    }
    print(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
