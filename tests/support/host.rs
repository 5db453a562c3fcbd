//! A host of a test's own as far as the network goes: the test's thread moves into a new
//! network namespace, and all that it starts is born there. Nothing touches the machine's
//! network, and all of it goes with the last process.

use std::{
    cell::Cell,
    io::Read,
    process::{Child, Command, Stdio},
};

use nix::sched::{CloneFlags, unshare};

use super::process;

/// A server, told by its arguments: protocol, address, port. It answers each client with
/// its own first argument and what it heard.
pub const SERVER: &str = r#"
use IO::Socket::IP;
my ($name, $proto, $host, $port) = @ARGV;
if ($proto eq "tcp") {
    my $s = IO::Socket::IP->new(Listen => 8, LocalHost => $host, LocalPort => $port,
        ReuseAddr => 1, V6Only => 1) or die "listen: $@";
    while (my $c = $s->accept) { my $l = <$c>; print $c "$name heard $l"; close $c; }
} else {
    my $s = IO::Socket::IP->new(Proto => "udp", LocalHost => $host, LocalPort => $port,
        V6Only => 1) or die "bind: $@";
    while (defined(my $from = $s->recv(my $l, 1500))) { $s->send("$name heard $l", 0, $from); }
}
"#;

/// A client of it: prints the answer, or fails after two seconds.
pub const CLIENT: &str = r#"
use IO::Socket::IP;
my ($proto, $host, $port) = @ARGV;
alarm 2;
my $s = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Proto => $proto,
    Timeout => 2) or die "connect: $@";
$s->send("hello\n") or die "send: $!";
my $l;
defined($s->recv($l, 1500)) && length $l or die "nothing heard";
print $l;
"#;

thread_local! {
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread has a host of its own.
pub fn is_own() -> bool {
    IS_OWN.get()
}

/// The host.
#[derive(Debug)]
pub struct Host;

impl Host {
    /// Makes one and moves this thread there.
    pub fn enter() -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        IS_OWN.set(true);
        let host = Self;
        host.run("ip", &["link", "set", "lo", "up"]);
        host
    }

    /// Runs a program here, which must succeed; its output.
    #[track_caller]
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments);
        let done = process::finish(command, b"");
        assert_eq!(done.code, 0, "{program} {arguments:?}: {done:?}");
        done.stdout
    }

    /// What a server answers here; nothing if it doesn't.
    pub fn ask(&self, proto: &str, ip: &str, port: u16) -> Option<String> {
        let mut command = Command::new("perl");
        command.args(["-e", CLIENT, proto, ip, &port.to_string()]);
        let done = process::finish(command, b"");
        (done.code == 0).then_some(done.stdout)
    }

    /// Our links, a name each.
    pub fn links(&self) -> Vec<String> {
        let text = self.run("ip", &["-o", "link"]);
        let name = |line: &str| {
            let name = line.split(": ").nth(1)?;
            Some(name.split('@').next()?.to_owned())
        };
        text.lines().filter_map(name).collect()
    }
}

/// A second host, joined to ours by a wire. It ends with this value.
#[derive(Debug)]
pub struct Peer {
    holder: Child,
}

impl Peer {
    /// Makes one: ours is 10.88.0.1 and fd88::1, its own end in .2 and ::2.
    pub fn new(host: &Host) -> Self {
        let script = "ip link set lo up; echo ready; exec sleep 600";
        let mut holder = Command::new("unshare")
            .args(["-n", "sh", "-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        holder
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut ready)
            .unwrap();
        let peer = Self { holder };
        let pid = peer.holder.id().to_string();
        host.run(
            "ip",
            &[
                "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", &pid,
            ],
        );
        for words in [
            "addr add 10.88.0.1/24 dev wire",
            "addr add fd88::1/64 dev wire nodad",
            "link set wire up",
        ] {
            host.run("ip", &words.split(' ').collect::<Vec<_>>());
        }
        for words in [
            "addr add 10.88.0.2/24 dev wire",
            "addr add fd88::2/64 dev wire nodad",
            "link set wire up",
            "route add default via 10.88.0.1",
            "-6 route add default via fd88::1",
        ] {
            let mut all = vec!["ip"];
            all.extend(words.split(' '));
            peer.run(&all);
        }
        peer
    }

    /// A program there, not yet run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg("-n")
            .arg("-t")
            .arg(self.holder.id().to_string());
        command.args(words);
        command
    }

    /// Runs a program there, which must succeed.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> String {
        let done = process::finish(self.command(words), b"");
        assert_eq!(done.code, 0, "{words:?}: {done:?}");
        done.stdout
    }

    /// Starts a server there.
    pub fn serve(&self, name: &str, proto: &str, ip: &str, port: u16) -> process::Background {
        let port = port.to_string();
        let mut command = self.command(&["perl", "-e", SERVER, name, proto, ip, &port]);
        process::Background(command.stdin(Stdio::null()).spawn().unwrap())
    }

    /// What a server answers there; nothing if it doesn't.
    pub fn ask(&self, proto: &str, ip: &str, port: u16) -> Option<String> {
        let port = port.to_string();
        let command = self.command(&["perl", "-e", CLIENT, proto, ip, &port]);
        let done = process::finish(command, b"");
        (done.code == 0).then_some(done.stdout)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
