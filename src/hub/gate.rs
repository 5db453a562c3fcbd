//! Who may ask: names and bcrypt hashes of an htpasswd file, which is read again when it
//! changes.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// A larger file is no list of users.
const LARGEST: u64 = 1 << 20;
/// Proofs that are remembered: bcrypt is slow on purpose, and each blob asks.
const REMEMBERED: usize = 256;

/// Lets in those who prove who they are.
#[derive(Debug)]
pub struct Gate {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    read: Option<SystemTime>,
    users: HashMap<String, String>,
    proven: Vec<[u8; 32]>,
}

impl Gate {
    /// Of a file, which must be readable now.
    pub fn open(file: &Path) -> Result<Self, String> {
        let gate = Self {
            file: file.to_owned(),
            state: Mutex::default(),
        };
        gate.refresh(&mut State::default())
            .map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(gate)
    }

    /// Whether a request's `Authorization` proves who asks.
    pub fn lets_in(&self, authorization: Option<&str>) -> bool {
        let Some(encoded) = authorization.and_then(|text| text.strip_prefix("Basic ")) else {
            return false;
        };
        let decoded = STANDARD.decode(encoded.trim()).ok();
        let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let Some((user, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) else {
            return false;
        };
        let hash = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            // A file that is being replaced leaves what was known.
            let _ = self.refresh(&mut state);
            let Some(hash) = state.users.get(user).cloned() else {
                return false;
            };
            let proof = proof(user, password, &hash);
            if state.proven.contains(&proof) {
                return true;
            }
            hash
        };
        if !bcrypt::verify(password, &hash).unwrap_or(false) {
            return false;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.proven.len() >= REMEMBERED {
            state.proven.clear();
        }
        state.proven.push(proof(user, password, &hash));
        true
    }

    fn refresh(&self, state: &mut State) -> io::Result<()> {
        let found = fs::metadata(&self.file)?;
        let modified = found.modified()?;
        if state.read == Some(modified) {
            return Ok(());
        }
        if found.len() > LARGEST {
            return Err(io::Error::other("it is too large for a list of users"));
        }
        let text = fs::read_to_string(&self.file)?;
        let mut users = HashMap::new();
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (user, hash) = line
                .split_once(':')
                .ok_or_else(|| io::Error::other("a line is not USER:HASH"))?;
            if !["$2a$", "$2b$", "$2y$"]
                .iter()
                .any(|kind| hash.starts_with(kind))
            {
                let why = format!("{user}'s hash is not bcrypt's; `htpasswd -B` makes such");
                return Err(io::Error::other(why));
            }
            users.insert(user.to_owned(), hash.to_owned());
        }
        *state = State {
            read: Some(modified),
            users,
            proven: Vec::new(),
        };
        Ok(())
    }
}

/// Not the password itself, which must not lie in memory longer than it has to.
fn proof(user: &str, password: &str, hash: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in [user, password, hash] {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_knows_the_password_gets_in() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("htpasswd");
        let hash = bcrypt::hash("right", 4).unwrap();
        fs::write(&file, format!("# users\nann:{hash}\n")).unwrap();
        let gate = Gate::open(&file).unwrap();
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for _ in 0..2 {
            assert!(gate.lets_in(Some(&basic("ann:right"))));
            assert!(!gate.lets_in(Some(&basic("ann:wrong"))));
        }
        for wrong in [
            "",
            "Bearer x",
            "Basic !",
            &basic("bob:right"),
            &basic("ann"),
        ] {
            assert!(!gate.lets_in(Some(wrong)), "{wrong}");
        }
        assert!(!gate.lets_in(None));
        fs::write(&file, "ann:plain\n").unwrap();
        assert!(Gate::open(&file).unwrap_err().contains("bcrypt"));
    }
}
