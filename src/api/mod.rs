//! The Docker REST API over our engine, so that docker's own clients drive it.
//!
//! The server is one more face over the same state: it keeps nothing between two
//! requests but connections that are open, so it can be killed at any time, and two of
//! them over one engine agree.
//!
//! ```text
//! serve      listen, accept, and end     listen     sockets and who may open them
//! ask        one request, taken apart    answer     what goes back, errors included
//! route      which handler it is for     hijack     connections that become streams
//! system     what the daemon is          web_socket the same over web sockets
//! ```

mod answer;
mod archive;
mod ask;
mod attach;
mod audit;
mod build;
mod certificate;
mod containers;
mod events;
mod exec;
mod filters;
mod hijack;
mod images;
mod listen;
mod login;
mod logs;
mod metrics;
mod networks;
mod route;
mod serve;
mod stats;
mod swarm;
mod system;
mod transfers;
mod usage;
mod volumes;
mod web_socket;

pub use serve::run;
