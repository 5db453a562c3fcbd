//! Transfers between registries and the store, and what is asked of registries.

use std::{
    sync::{Arc, mpsc as threads},
    thread,
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Embedded, error};
use crate::{
    engine::{
        EngineError, ErrorKind, Registries, Result, Transfers,
        questions::{self, reference},
    },
    image::{
        self, Board,
        registry::{Client, Keychain},
    },
    model::{
        Direction, FoundRepository, LoginRequest, PullRequest, PushRequest, RegistrySettings,
        RemoteManifest, SearchRequest, TransferOutcome,
    },
    runtime::lifecycle::{self, Lifecycle},
};

/// Time between two pictures of a transfer.
const TICK: Duration = Duration::from_millis(100);
/// Pictures that wait for a reader.
const AHEAD: usize = 4;

#[async_trait]
impl Registries for Embedded {
    async fn pull(&self, request: PullRequest) -> Result<Transfers> {
        let reference = reference("pull", &request.reference)?;
        let board = Board::new(Direction::Pull, reference.familiar());
        let settings = request.registries.clone();
        self.transfer("pull", board, settings, move |lifecycle, client, board| {
            let images = lifecycle.images()?;
            let platform = request.platform.as_ref();
            let outcome = images.pull(client, &reference, platform, board)?;
            let name = reference.familiar();
            lifecycle.tell_of_image("pull", &name, &name);
            Ok(outcome)
        })
    }

    async fn push(&self, request: PushRequest) -> Result<Transfers> {
        let reference = reference("push", &request.reference)?;
        let board = Board::new(Direction::Push, reference.familiar());
        self.transfer(
            "push",
            board,
            request.registries,
            move |lifecycle, client, board| {
                let outcome = lifecycle.images()?.push(client, &reference, board)?;
                let name = reference.familiar();
                lifecycle.tell_of_image("push", &name, &name);
                Ok(outcome)
            },
        )
    }

    async fn tags(&self, repository: &str, settings: RegistrySettings) -> Result<Vec<String>> {
        questions::tags(repository, settings).await
    }

    async fn manifest(&self, name: &str, settings: RegistrySettings) -> Result<RemoteManifest> {
        questions::manifest(name, settings).await
    }

    async fn search(&self, request: SearchRequest) -> Result<Vec<FoundRepository>> {
        questions::search(request).await
    }

    async fn log_in(&self, request: LoginRequest) -> Result<String> {
        questions::log_in(request).await
    }

    async fn log_out(&self, registry: &str) -> Result<bool> {
        questions::log_out(registry).await
    }
}

impl Embedded {
    /// Starts a transfer in a thread of its own, and tells how it goes.
    fn transfer(
        &self,
        operation: &'static str,
        board: Board,
        settings: RegistrySettings,
        work: impl FnOnce(&Lifecycle, &Client, &Board) -> lifecycle::Result<TransferOutcome>
        + Send
        + 'static,
    ) -> Result<Transfers> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let lifecycle = self.lifecycle.clone();
        let subject = board.picture().reference;
        let owned = subject.clone();
        let run = move || {
            let board = Arc::new(board);
            let cancel = CancellationToken::new();
            let (done, ended) = threads::channel();
            let result = thread::scope(|scope| {
                let (board, lifecycle, client_cancel) = (&board, &lifecycle, cancel.clone());
                scope.spawn(move || {
                    let keychain = Keychain::with(&settings);
                    let client = Client::new(settings, keychain, client_cancel);
                    let result = client
                        .map_err(|error| image::Error::from(error).into())
                        .and_then(|client| work(lifecycle, &client, board));
                    // Whoever waits for it outlives it.
                    let _ = done.send(result);
                });
                loop {
                    match ended.recv_timeout(TICK) {
                        Ok(result) => return Some(result),
                        Err(threads::RecvTimeoutError::Disconnected) => return None,
                        Err(threads::RecvTimeoutError::Timeout) => {}
                    }
                    if sender.is_closed() {
                        cancel.cancel();
                    }
                    // A reader that is behind misses this one and gets the next.
                    let _ = sender.try_send(Ok(board.picture()));
                }
            });
            let last = match result {
                Some(Ok(_)) => Ok(board.picture()),
                Some(Err(failure)) => Err(error::facade(operation, &owned, failure)),
                None => Err(EngineError::new(ErrorKind::Internal, operation, &owned)
                    .because("its thread ended without an answer")),
            };
            // Nobody is left to tell if the receiver is gone.
            let _ = sender.blocking_send(last);
        };
        thread::Builder::new()
            .name("wharf-transfer".into())
            .spawn(run)
            .map_err(|error| {
                EngineError::new(ErrorKind::Internal, operation, subject).because(error)
            })?;
        Ok(receiver)
    }
}
