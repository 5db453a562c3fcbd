//! What a process inside sees, as text that two runtimes can be compared by.

use std::collections::BTreeMap;
use std::fs;

/// Prints all there is to see, in named parts.
pub const SCRIPT: &str = r#"
part() { echo "== $1"; }
part ids; id -u; id -g; id -G
part status; grep -E '^(Uid|Gid|Groups|Umask|Cap...|NoNewPrivs|Seccomp):' /proc/self/status
part limits; cat /proc/self/limits
part env; env | grep -vE '^(PWD|OLDPWD|SHLVL|_)=' | sort
part cwd; pwd; readlink /proc/self/cwd
part names; hostname; cat /proc/sys/kernel/domainname
part dev; for f in /dev/*; do
  case $f in # Their groups: runc's mounter has none in a user namespace.
  /dev/pts|/dev/shm|/dev/mqueue) stat -c '%n %F %a %u' $f;;
  *) if [ -L $f ]; then echo "$f -> $(readlink $f)"; else stat -c '%n %F %a %u %g %t:%T' $f; fi;; esac
done
part mounts; cat /proc/self/mountinfo
part namespaces; for n in user pid mnt uts ipc net cgroup time; do echo $n $(readlink /proc/self/ns/$n); done
part maps; cat /proc/self/uid_map /proc/self/gid_map
part oom; cat /proc/self/oom_score_adj
part fds; for f in /proc/$$/fd/*; do echo ${f##*/}; done
part cgroup; cat /proc/self/cgroup | sed 's/^[0-9]*://'| sort
part session; awk '{print $6 == $1, $7 != 0}' /proc/$$/stat
part loopback; ip addr show lo 2>&1 | grep -oE '<.*>|inet .*'
part root; stat -c '%n %F %a %u %g' / /proc /sys /dev /tmp
part sysctl; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max 2>&1
part end
"#;

/// The parts, normalised: numbers that differ between any two runs, and what the two
/// runtimes do differently by design, taken out.
pub fn parts(output: &str) -> BTreeMap<String, String> {
    let mut parts: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::from("before");
    for line in output.lines() {
        if let Some(next) = line.strip_prefix("== ") {
            name = next.to_owned();
            parts.entry(name.clone()).or_default();
            continue;
        }
        let line = match name.as_str() {
            "mounts" => mount(line),
            "namespaces" => namespace(line),
            // Ids of the two runs differ, as do our own groups' places.
            "cgroup" => cgroup(line),
            _ => Some(line.to_owned()),
        };
        if let Some(line) = line {
            let part = parts.entry(name.clone()).or_default();
            part.push_str(&line);
            part.push('\n');
        }
    }
    if let Some(mounts) = parts.get_mut("mounts") {
        let mut lines: Vec<_> = mounts.lines().map(str::to_owned).collect();
        lines.sort();
        *mounts = lines.join("\n");
    }
    parts
}

/// `place type flags propagation`.
fn mount(line: &str) -> Option<String> {
    let (before, after) = line.split_once(" - ")?;
    let before: Vec<_> = before.split(' ').collect();
    let (place, flags) = (before[4], before[5]);
    // Hierarchies that only one of the two shows: systemd's (runc), v2's beside v1 (ours).
    if place == "/sys/fs/cgroup/systemd" || place == "/sys/fs/cgroup/unified" {
        return None;
    }
    let mut flags: Vec<_> = flags.split(',').collect();
    // The tmpfs above the hierarchies: ours is read-only, runc's remount only says so of
    // the superblock.
    if place == "/sys/fs/cgroup" {
        flags.retain(|flag| !matches!(*flag, "ro" | "rw"));
    }
    flags.sort_unstable();
    let kind = after.split(' ').next().unwrap_or_default();
    // A masked file shows /dev/null, of the container's /dev (runc) or the host's (ours).
    let is_mask = before[3].ends_with("/null") && !place.starts_with("/dev/");
    if is_mask {
        return Some(format!("{place} masked"));
    }
    // The root's propagation: runc 1.1 leaves out what the specification asks there.
    let tags = if place == "/" { &[][..] } else { &before[6..] };
    let tags: Vec<_> = tags
        .iter()
        .map(|tag| tag.split(':').next().unwrap_or(tag))
        .collect();
    Some(format!(
        "{place} {kind} {} {}",
        flags.join(","),
        tags.join(",")
    ))
}

fn namespace(line: &str) -> Option<String> {
    let (name, inside) = line.split_once(' ')?;
    let host = fs::read_link(format!("/proc/self/ns/{name}")).ok()?;
    let shared = host.to_string_lossy() == inside;
    Some(format!("{name} {}", if shared { "host" } else { "own" }))
}

fn cgroup(line: &str) -> Option<String> {
    let (controllers, path) = line.split_once(':')?;
    let path = if path == "/" { "root" } else { "below" };
    // Where only one of the two makes a group.
    (!matches!(controllers, "name=systemd" | "")).then(|| format!("{controllers} {path}"))
}
