//! Answers every request with a greeting.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    net::TcpListener,
};

fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or_else(|_| "8080".into());
    let listener = TcpListener::bind(format!("0.0.0.0:{port}"))?;
    for client in listener.incoming() {
        let mut client = client?;
        let mut lines = BufReader::new(client.try_clone()?).lines();
        // The head of the request ends with an empty line.
        while lines.next().transpose()?.map_or(false, |line| !line.is_empty()) {}
        write!(client, "HTTP/1.0 200 OK\r\n\r\nhello from Rust\n")?;
    }
    Ok(())
}
