//! Being woken when files change, for as many waiters as there are descriptors.
//!
//! A user has few inotify instances (128, `fs.inotify.max_user_instances` in inotify(7)),
//! and a server waits for thousands of logs and containers: all [`Notice`]s of a process
//! share one instance, which one thread reads. Such a thread is not inherited by fork(2):
//! a shim waits for files by other means.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
};

use nix::sys::{
    eventfd::{EfdFlags, EventFd},
    inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor},
};

/// Readable, by [`AsFd`], once something happened to a path that was added to it.
///
/// The order of use keeps anything from slipping by: make it, look, wait, [`take`], look
/// again.
///
/// [`take`]: Self::take
#[derive(Debug)]
pub struct Notice {
    wake: Arc<EventFd>,
    watched: Vec<WatchDescriptor>,
}

impl Notice {
    /// Nothing is watched yet.
    pub fn new() -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self {
            wake: Arc::new(EventFd::from_flags(flags)?),
            watched: Vec::new(),
        })
    }

    /// Watches the file or directory that is at `path` now, for these happenings.
    pub fn add(&mut self, path: &Path, happenings: AddWatchFlags) -> io::Result<()> {
        let descriptor = Shared::get()?.add(path, happenings, &self.wake)?;
        self.watched.push(descriptor);
        Ok(())
    }

    /// Forgets what was told so far, and whether there was anything. Called before one
    /// looks, so that what comes later is told again.
    pub fn take(&self) -> bool {
        self.wake.read().is_ok()
    }
}

impl AsFd for Notice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        if let Some(shared) = SHARED.get() {
            shared.remove(&self.watched, &self.wake);
        }
    }
}

static SHARED: OnceLock<&Shared> = OnceLock::new();

/// The instance of this process.
#[derive(Debug)]
struct Shared {
    inotify: Inotify,
    waiters: Mutex<HashMap<WatchDescriptor, Vec<Waiter>>>,
}

#[derive(Debug)]
struct Waiter {
    happenings: AddWatchFlags,
    wake: Arc<EventFd>,
}

impl Waiter {
    fn wake(&self) {
        // Fails only when it would count beyond 2^64: whoever waits is awake by then.
        let _ = self.wake.write(1);
    }
}

impl Shared {
    fn get() -> io::Result<&'static Self> {
        static STARTING: Mutex<()> = Mutex::new(());
        let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = SHARED.get() {
            return Ok(shared);
        }
        let shared: &'static Self = Box::leak(Box::new(Self {
            inotify: Inotify::init(InitFlags::IN_CLOEXEC)?,
            waiters: Mutex::default(),
        }));
        thread::Builder::new()
            .name("notices".into())
            .spawn(|| shared.run())?;
        Ok(SHARED.get_or_init(|| shared))
    }

    fn add(
        &self,
        path: &Path,
        happenings: AddWatchFlags,
        wake: &Arc<EventFd>,
    ) -> io::Result<WatchDescriptor> {
        // Held over both, so that the thread finds the waiter of what it reads.
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        // Another may watch the same file for something else. (nix has no name for it.)
        let flags = happenings | AddWatchFlags::from_bits_retain(libc::IN_MASK_ADD);
        let descriptor = self.inotify.add_watch(path, flags)?;
        waiters.entry(descriptor).or_default().push(Waiter {
            happenings,
            wake: wake.clone(),
        });
        Ok(descriptor)
    }

    fn remove(&self, watched: &[WatchDescriptor], wake: &Arc<EventFd>) {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        for descriptor in watched {
            let Some(list) = waiters.get_mut(descriptor) else {
                continue;
            };
            list.retain(|waiter| !Arc::ptr_eq(&waiter.wake, wake));
            if list.is_empty() {
                waiters.remove(descriptor);
                // EINVAL when the file is gone, and its watch with it.
                let _ = self.inotify.rm_watch(*descriptor);
            }
        }
    }

    fn run(&self) {
        loop {
            // Of read(2)'s errors only EINTR can be.
            if let Ok(events) = self.inotify.read_events() {
                self.tell(&events);
            }
        }
    }

    fn tell(&self, events: &[InotifyEvent]) {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                waiters.values().flatten().for_each(Waiter::wake);
            }
            let Some(list) = waiters.get(&event.wd) else {
                continue;
            };
            for waiter in list {
                if waiter.happenings.intersects(event.mask) {
                    waiter.wake();
                }
            }
            if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                waiters.remove(&event.wd);
            }
        }
    }
}
