//! `wharf network …` and `wharf port`

use std::net::{IpAddr, SocketAddr};

use clap::{Args, Subcommand};
use ipnet::IpNet;
use serde_json::{Value, json};

use super::{
    Context, config,
    failure::{Failure, Outcome},
    inspect,
    output::{line, print},
    table::{Format, GridColumn, Row, grid},
    values::{self, Choice, Parsed},
};
use crate::{
    engine::EngineError,
    format::{
        columns::{Align, Width},
        text::sanitize,
    },
    model::{
        Attachment, ConnectRequest, ContainerId, Network, NetworkCreateRequest, NetworkDetails,
        NetworkDriver, Pool, Port,
    },
};

/// The commands below `network`.
#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// List the networks
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    /// Make a network
    Create(CreateArgs),
    /// Print all that is known about networks, and who is on them
    Inspect(InspectArgs),
    /// Put a container on one more network, at once if it runs
    Connect(ConnectArgs),
    /// Take a container off a network, at once if it runs
    Disconnect(DisconnectArgs),
    /// Remove networks that nobody is on
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    /// Remove all networks that no container names
    Prune(PruneArgs),
}

/// Arguments of `network ls`.
#[derive(Args, Debug)]
pub struct LsArgs {
    /// Only ids
    #[arg(short, long)]
    quiet: bool,
    /// Cut nothing
    #[arg(long)]
    no_trunc: bool,
    /// Only what matches: name, id, driver, label, type
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = filter)]
    filter: Vec<(String, String)>,
    /// json (a line each), or a Go template, with `table ` before it for titles
    #[arg(long, value_name = "FORMAT", conflicts_with = "quiet")]
    format: Option<String>,
    /// All that is known, as one JSON array
    #[arg(long, conflicts_with_all = ["format", "quiet"])]
    json: bool,
}

/// Arguments of `network create`.
#[derive(Args, Debug)]
pub struct CreateArgs {
    /// What carries it: bridge
    #[arg(short, long, value_name = "DRIVER", default_value = "bridge", value_parser = driver)]
    driver: NetworkDriver,
    /// Its range of addresses; one of IPv6 may come beside it
    #[arg(long, value_name = "RANGE", value_parser = range)]
    subnet: Vec<IpNet>,
    /// The host's address in it; its first if nothing is said
    #[arg(long, value_name = "IP", value_parser = values::ip)]
    gateway: Vec<IpAddr>,
    /// The part of it that containers are given addresses from
    #[arg(long, value_name = "RANGE", value_parser = range)]
    ip_range: Vec<IpNet>,
    /// Give it IPv6 too
    #[arg(long)]
    ipv6: bool,
    /// Let nothing outside be reached from it
    #[arg(long)]
    internal: bool,
    /// Largest packet, bytes
    #[arg(long, value_name = "BYTES")]
    mtu: Option<u32>,
    /// Set an option: com.docker.network.driver.mtu, mtu
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = option)]
    opt: Vec<u32>,
    /// Set a label
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::label)]
    label: Vec<(String, String)>,
    /// Taken for docker's sake: any container can be attached to any network
    #[arg(long, hide = true)]
    attachable: bool,
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
}

/// Arguments of `network inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// json, or a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Taken for docker's sake: all is always printed
    #[arg(short, long, hide = true)]
    verbose: bool,
    /// Networks, by name or id
    #[arg(required = true, value_name = "NETWORK")]
    networks: Vec<String>,
}

/// Arguments of `network connect`.
#[derive(Args, Debug)]
pub struct ConnectArgs {
    /// Its IPv4 address there
    #[arg(long, value_name = "IP", value_parser = values::ip4)]
    ip: Option<std::net::Ipv4Addr>,
    /// Its IPv6 address there
    #[arg(long, value_name = "IP", value_parser = values::ip6)]
    ip6: Option<std::net::Ipv6Addr>,
    /// Its MAC address there
    #[arg(long, value_name = "MAC", value_parser = values::mac)]
    mac_address: Option<crate::model::Mac>,
    /// Be found by this name there too
    #[arg(long, value_name = "NAME")]
    alias: Vec<String>,
    /// The network
    #[arg(value_name = "NETWORK")]
    network: String,
    /// The container
    #[arg(value_name = "CONTAINER")]
    container: String,
}

/// Arguments of `network disconnect`.
#[derive(Args, Debug)]
pub struct DisconnectArgs {
    /// Taken for docker's sake: there is nothing to force
    #[arg(short, long, hide = true)]
    force: bool,
    /// The network
    #[arg(value_name = "NETWORK")]
    network: String,
    /// The container
    #[arg(value_name = "CONTAINER")]
    container: String,
}

/// Arguments of `network rm`.
#[derive(Args, Debug)]
pub struct RmArgs {
    /// Networks that don't exist are no error
    #[arg(short, long)]
    force: bool,
    /// Networks, by name or id
    #[arg(required = true, value_name = "NETWORK")]
    networks: Vec<String>,
}

/// Arguments of `network prune`.
#[derive(Args, Debug)]
pub struct PruneArgs {
    /// Don't ask
    #[arg(short, long)]
    force: bool,
    /// Only what matches: label
    #[arg(long, value_name = "label=KEY[=VALUE]", value_parser = filter)]
    filter: Vec<(String, String)>,
}

/// Arguments of `port`.
#[derive(Args, Debug)]
pub struct PortArgs {
    /// The container
    #[arg(value_name = "CONTAINER")]
    container: String,
    /// Only this port of it
    #[arg(value_name = "PORT[/PROTOCOL]", value_parser = one_port)]
    port: Option<Port>,
}

fn driver(text: &str) -> Parsed<NetworkDriver> {
    match text {
        "bridge" => Ok(NetworkDriver::Bridge),
        "host" => Ok(NetworkDriver::Host),
        "none" | "null" => Ok(NetworkDriver::None),
        _ => Err("there is no such driver: bridge".into()),
    }
}

fn range(text: &str) -> Parsed<IpNet> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a range such as 10.5.0.0/24"))
}

fn option(text: &str) -> Parsed<u32> {
    match text.split_once('=') {
        Some(("com.docker.network.driver.mtu" | "mtu", mtu)) => mtu
            .parse()
            .map_err(|_| format!("{mtu:?} is not a number of bytes")),
        _ => Err("the only option is mtu=BYTES".into()),
    }
}

fn filter(text: &str) -> Parsed<(String, String)> {
    match text.split_once('=') {
        Some((key @ ("name" | "id" | "driver" | "label" | "type" | "scope"), value)) => {
            Ok((key.into(), value.into()))
        }
        _ => Err("a filter is name=, id=, driver=, label= or type=builtin|custom".into()),
    }
}

fn one_port(text: &str) -> Parsed<Port> {
    match values::expose(text)?.as_slice() {
        [port] => Ok(*port),
        _ => Err("one port is asked for at a time".into()),
    }
}

/// Runs one of them.
pub async fn run(command: NetworkCommand, context: &Context) -> Outcome {
    match command {
        NetworkCommand::Ls(args) => list(&args, context).await,
        NetworkCommand::Create(args) => create(args, context).await,
        NetworkCommand::Inspect(args) => inspect(&args, context).await,
        NetworkCommand::Connect(args) => connect(args, context).await,
        NetworkCommand::Disconnect(args) => {
            let id = context.resolve(&args.container).await?;
            context.engine.disconnect(&id, &args.network).await?;
            Ok(0)
        }
        NetworkCommand::Rm(args) => remove(&args, context).await,
        NetworkCommand::Prune(args) => prune(&args, context).await,
    }
}

impl CreateArgs {
    /// What they ask for.
    pub fn request(self, pools: Vec<Pool>) -> NetworkCreateRequest {
        NetworkCreateRequest {
            name: self.name,
            driver: self.driver,
            subnets: self.subnet,
            gateways: self.gateway,
            ranges: self.ip_range,
            ipv6: self.ipv6,
            internal: self.internal,
            mtu: self.mtu.or(self.opt.last().copied()),
            labels: self.label.into_iter().collect(),
            pools,
        }
    }
}

async fn create(args: CreateArgs, context: &Context) -> Outcome {
    let defaults = config::network_defaults(&context.loader)?;
    let request = args.request(defaults.pools);
    let network = context.engine.create_network(request).await?;
    line(network.id.as_str())?;
    Ok(0)
}

impl ConnectArgs {
    /// The container as it was named, and how it is to be on which network.
    pub fn attachment(self) -> Result<(String, Attachment), Failure> {
        let attachment = match values::network(&self.network).map_err(Failure::usage)? {
            Choice::Network(attachment) => attachment,
            Choice::Mode(_) => {
                let why = format!("{} can't be combined with networks", self.network);
                return Err(Failure::usage(why));
            }
        };
        let attachment = Attachment {
            aliases: [attachment.aliases, self.alias].concat(),
            ip: self.ip.or(attachment.ip),
            ip6: self.ip6.or(attachment.ip6),
            mac: self.mac_address.or(attachment.mac),
            network: attachment.network,
        };
        Ok((self.container, attachment))
    }
}

async fn connect(args: ConnectArgs, context: &Context) -> Outcome {
    let (container, attachment) = args.attachment()?;
    let request = ConnectRequest {
        container: context.resolve(&container).await?,
        attachment,
    };
    context.engine.connect(request).await?;
    Ok(0)
}

async fn remove(args: &RmArgs, context: &Context) -> Outcome {
    let mut code = 0;
    for name in &args.networks {
        match context.engine.remove_network(name).await {
            Ok(()) => line(name)?,
            Err(error) if args.force && error.kind == crate::engine::ErrorKind::NotFound => {}
            Err(error) => {
                Failure::from(error).report();
                code = 1;
            }
        }
    }
    Ok(code)
}

async fn prune(args: &PruneArgs, context: &Context) -> Outcome {
    use std::io::{IsTerminal, Write};
    if !args.force && std::io::stdin().is_terminal() {
        print!("This removes all networks that no container names. Go on? [y/N] ");
        std::io::stdout().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(0);
        }
    }
    let all = context.engine.networks().await?;
    let spared = all.iter().filter(|network| !shows(&args.filter, network));
    let spared: Vec<_> = spared.map(|network| network.name.clone()).collect();
    for name in context.engine.prune_networks(&spared).await? {
        line(&name)?;
    }
    Ok(0)
}

fn shows(filters: &[(String, String)], network: &Network) -> bool {
    let holds = |key: &str, value: &str| match key {
        "name" => network.name.contains(value),
        "id" => network.id.as_str().starts_with(value),
        "driver" => network.driver.as_str() == value,
        "type" => network.is_built_in() == (value == "builtin"),
        "scope" => value == "local",
        _ => {
            let (label, wanted) = match value.split_once('=') {
                Some((label, value)) => (label, Some(value)),
                None => (value, None),
            };
            let have = network.labels.get(label);
            have.is_some_and(|have| wanted.is_none_or(|wanted| wanted == have))
        }
    };
    // Of one key any, of several keys all; labels must all be there.
    filters.iter().all(|(key, value)| match key.as_str() {
        "label" => holds(key, value),
        _ => filters.iter().any(|(k, v)| k == key && holds(k, v)),
    })
}

async fn list(args: &LsArgs, context: &Context) -> Outcome {
    let networks = context.engine.networks().await?;
    let networks: Vec<&Network> = networks
        .iter()
        .filter(|network| shows(&args.filter, network))
        .collect();
    let id = |network: &Network| match args.no_trunc {
        true => network.id.to_string(),
        false => network.id.short().to_owned(),
    };
    if args.json {
        print(&format!("{:#}\n", json!(networks)))?;
        return Ok(0);
    }
    if args.quiet {
        for network in networks {
            line(&id(network))?;
        }
        return Ok(0);
    }
    if let Some(format) = &args.format {
        let row = |network: &&Network| {
            json!({
                "CreatedAt": network.created.to_string(),
                "Driver": network.driver.as_str(),
                "ID": id(network),
                "IPv6": network.subnet(true).is_some().to_string(),
                "Internal": network.internal.to_string(),
                "Labels": labels(network),
                "Name": network.name,
                "Scope": "local",
            })
        };
        let rows: Vec<Value> = networks.iter().map(row).collect();
        let headings = json!({
            "CreatedAt": "CREATED AT", "Driver": "DRIVER", "ID": "NETWORK ID", "IPv6": "IPV6",
            "Internal": "INTERNAL", "Labels": "LABELS", "Name": "NAME", "Scope": "SCOPE",
        });
        print(&Format::parse(format)?.render(&rows, &headings, &|_, _, _| None)?)?;
        return Ok(0);
    }
    let columns = [
        ("id", "NETWORK ID"),
        ("name", "NAME"),
        ("driver", "DRIVER"),
        ("subnets", "SUBNETS"),
        ("internal", "INTERNAL"),
    ]
    .map(|(id, title)| GridColumn {
        id,
        title,
        width: Width::Whole,
        align: Align::Left,
    });
    let rows: Vec<Row> = networks
        .iter()
        .map(|network| {
            let subnets = network.subnets.iter().map(|subnet| subnet.net.to_string());
            let cells = [
                id(network),
                sanitize(&network.name).into_owned(),
                network.driver.to_string(),
                subnets.collect::<Vec<_>>().join(", "),
                if network.internal { "yes" } else { "" }.to_owned(),
            ];
            Row::Cells(cells.into_iter().map(Into::into).collect())
        })
        .collect();
    let ladder = ["internal", "subnets", "id"];
    print(&grid(&columns, &rows, &ladder, &context.output))?;
    Ok(0)
}

fn labels(network: &Network) -> String {
    let labels = network.labels.iter().map(|(k, v)| format!("{k}={v}"));
    labels.collect::<Vec<_>>().join(",")
}

async fn inspect(args: &InspectArgs, context: &Context) -> Outcome {
    let look = async |name: &str| Ok(shape(&context.engine.network(name).await?));
    inspect::each(&args.networks, args.format.as_deref(), look).await
}

/// All that is known about a network, in docker's shape; `Warnings` is ours.
pub fn shape(details: &NetworkDetails) -> Value {
    let network = &details.network;
    let ranges = network.subnets.iter().map(|subnet| {
        let mut range = json!({ "Subnet": subnet.net, "Gateway": subnet.gateway });
        if let Some(part) = subnet.range {
            range["IPRange"] = json!(part);
        }
        range
    });
    let containers = details.endpoints.iter().map(|(name, endpoint)| {
        let with_prefix = |text: Option<String>| text.unwrap_or_default();
        let value = json!({
            "Name": name,
            "EndpointID": "",
            "MacAddress": endpoint.mac,
            "IPv4Address": with_prefix(endpoint.ip.map(|(ip, p)| format!("{ip}/{p}"))),
            "IPv6Address": with_prefix(endpoint.ip6.map(|(ip, p)| format!("{ip}/{p}"))),
        });
        (endpoint.container.to_string(), value)
    });
    let mut options = json!({});
    if let Some(mtu) = network.mtu {
        options["com.docker.network.driver.mtu"] = json!(mtu.to_string());
    }
    if network.driver == NetworkDriver::Bridge {
        options["com.docker.network.bridge.name"] = json!(network.bridge());
    }
    json!({
        "Name": network.name,
        "Id": network.id,
        "Created": network.created,
        "Scope": "local",
        "Driver": network.driver.as_str(),
        "EnableIPv6": network.subnet(true).is_some(),
        "IPAM": { "Driver": "default", "Options": {}, "Config": ranges.collect::<Vec<_>>() },
        "Internal": network.internal,
        "Attachable": true,
        "Ingress": false,
        "ConfigFrom": { "Network": "" },
        "ConfigOnly": false,
        "Containers": containers.collect::<serde_json::Map<_, _>>(),
        "Options": options,
        "Labels": network.labels,
        "Warnings": details.warnings,
    })
}

/// Prints where a container's open ports are on the host.
pub async fn port(args: &PortArgs, context: &Context) -> Outcome {
    let id: ContainerId = context.resolve(&args.container).await?;
    let container = context.engine.inspect(&id).await?;
    let ports = &container.connectivity.ports;
    let mut found = false;
    for open in ports {
        let address = SocketAddr::new(open.ip, open.host);
        match args.port {
            None => line(&format!("{} -> {address}", open.container))?,
            Some(wanted) if wanted == open.container => line(&address.to_string())?,
            Some(_) => continue,
        }
        found = true;
    }
    match args.port {
        Some(port) if !found => Err(EngineError::new(
            crate::engine::ErrorKind::NotFound,
            "look for the port of",
            args.container.clone(),
        )
        .because(format!("{port} is not published"))
        .with_hint("`wharf port CONTAINER` lists what is")
        .into()),
        _ => Ok(0),
    }
}
