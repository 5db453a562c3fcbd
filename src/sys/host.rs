//! Figures of the machine: processors in use, memory, load, its name; read from /proc
//! through descriptors that stay open. Each fails alone and is then unknown.

use std::{
    fs::{self, File},
    io,
    mem::MaybeUninit,
    path::Path,
};

use nix::unistd::{SysconfVar, sysconf};
use rustix::io::pread;

use crate::model::Host;

/// Room for what is read of a file: the lines that count come first.
const BUFFER: usize = 4096;

/// Reads the machine's figures.
#[derive(Debug)]
pub struct Sampler {
    stat: io::Result<File>,
    meminfo: io::Result<File>,
    loadavg: io::Result<File>,
    cpus: u32,
    online: Option<String>,
    ticks_per_second: f64,
    /// Time of the last reading and the ticks of all processors until then.
    last: Option<(u64, u64)>,
}

impl Default for Sampler {
    fn default() -> Self {
        Self::open(Path::new("/proc"))
    }
}

impl Sampler {
    /// Open the files below `proc`.
    pub fn open(proc: &Path) -> Self {
        let number = |name| {
            sysconf(name)
                .ok()
                .flatten()
                .and_then(|n| u32::try_from(n).ok())
        };
        Self {
            stat: File::open(proc.join("stat")),
            meminfo: File::open(proc.join("meminfo")),
            loadavg: File::open(proc.join("loadavg")),
            online: fs::read_to_string("/sys/devices/system/cpu/online")
                .ok()
                .map(|list| list.trim().to_owned()),
            cpus: number(SysconfVar::_NPROCESSORS_ONLN).unwrap_or(1),
            ticks_per_second: f64::from(number(SysconfVar::CLK_TCK).unwrap_or(100)),
            last: None,
        }
    }

    /// The figures now. Processors in use need two readings. What the kernel lacks
    /// ([`Host::missing`]) is for others to say.
    pub fn sample(&mut self, now_ns: u64) -> Host {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut host = Host {
            name: name(),
            cpus: self.cpus,
            cpus_online: self.online.clone(),
            ..Host::default()
        };
        let busy = text(&self.stat, &mut buffer).and_then(busy_ticks);
        if let (Some((then_ns, before)), Some(now)) = (self.last, busy)
            && let (Some(ns), Some(ticks)) = (now_ns.checked_sub(then_ns), now.checked_sub(before))
            && ns > 0
        {
            host.cpu_cores = Some(ticks as f64 / self.ticks_per_second / (ns as f64 / 1e9));
        }
        self.last = busy.map(|ticks| (now_ns, ticks));
        if let Some(text) = text(&self.meminfo, &mut buffer) {
            let total = kibibytes(text, "MemTotal:");
            let available = kibibytes(text, "MemAvailable:");
            host.memory_total_bytes = total;
            host.memory_used_bytes = total
                .zip(available)
                .and_then(|(total, free)| total.checked_sub(free));
        }
        host.load = text(&self.loadavg, &mut buffer).and_then(load);
        host
    }
}

/// The host's name, as this process sees it.
fn name() -> String {
    nix::sys::utsname::uname()
        .map(|names| names.nodename().to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn text<'a>(file: &io::Result<File>, buffer: &'a mut [MaybeUninit<u8>]) -> Option<&'a str> {
    let (bytes, _) = pread(file.as_ref().ok()?, buffer, 0).ok()?;
    // What did not fit may end within a character; these files are ASCII.
    str::from_utf8(bytes).ok()
}

/// `cpu  user nice system idle iowait irq softirq steal …`: all but idle, waiting for IO,
/// and what other machines took. Guests are in `user` already.
fn busy_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace();
    let mut next = || fields.next()?.parse::<u64>().ok();
    let (user, nice, system) = (next()?, next()?, next()?);
    let (_idle, _io_wait) = (next()?, next()?);
    let (irq, soft_irq) = (next()?, next()?);
    Some(user + nice + system + irq + soft_irq)
}

/// A line of meminfo, `MemTotal:  16303432 kB`, in bytes.
fn kibibytes(meminfo: &str, key: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    number.checked_mul(1024)
}

/// `0.52 0.58 0.59 1/389 12345`.
fn load(loadavg: &str) -> Option<[f64; 3]> {
    let mut words = loadavg.split(' ').map(|word| word.parse().ok());
    Some([words.next()??, words.next()??, words.next()??])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn proc(stat: &str, meminfo: &str, loadavg: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("stat", stat), ("meminfo", meminfo), ("loadavg", loadavg)] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    #[test]
    fn two_readings_say_how_many_cores_are_in_use() {
        let dir = proc(
            "cpu  100 0 100 5000 9 0 0 7 50 0\ncpu0 1 2 3\n",
            "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable:   250 kB\n",
            "0.50 1.25 2.00 1/9 77\n",
        );
        let mut sampler = Sampler::open(dir.path());
        let first = sampler.sample(1_000_000_000);
        assert_eq!(first.cpu_cores, None);
        assert_eq!(first.memory_total_bytes, Some(1_024_000));
        assert_eq!(first.memory_used_bytes, Some(768_000));
        assert_eq!(first.load, Some([0.5, 1.25, 2.0]));
        fs::write(dir.path().join("stat"), "cpu  250 0 150 5001 9 0 0 7\n").unwrap();
        sampler.ticks_per_second = 100.0;
        assert_eq!(sampler.sample(2_000_000_000).cpu_cores, Some(2.0));
    }

    #[test]
    fn malformed_and_missing_files_are_unknown() {
        let dir = proc("cpu  1 2\n", "MemTotal: many kB\n", "no load\n");
        fs::remove_file(dir.path().join("loadavg")).unwrap();
        let mut sampler = Sampler::open(dir.path());
        sampler.sample(1);
        let host = sampler.sample(2);
        assert_eq!(host.cpu_cores, None);
        assert_eq!(host.memory_total_bytes, None);
        assert_eq!(host.memory_used_bytes, None);
        assert_eq!(host.load, None);
    }

    #[test]
    fn this_machine_has_all_figures() {
        let mut sampler = Sampler::default();
        sampler.sample(1);
        let host = sampler.sample(1_000_000_000);
        assert!(host.cpus > 0 && !host.name.is_empty());
        assert!(host.memory_used_bytes < host.memory_total_bytes);
        assert!(host.cpu_cores.is_some() && host.load.is_some());
    }
}
