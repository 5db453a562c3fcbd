//! Talking to a shim: the frames on its control socket, and a client's side of it.
//!
//! A connection begins with no streams. Its client may ask for one thing and get an
//! answer ([`request`]), or attach and then send [`Frame::Stdin`], [`Frame::Resize`] and
//! further requests while output comes. However it was used, a connection that is open
//! when the process ends gets [`Frame::Exited`] last, so a wait is a connection that
//! asked for nothing but [`Frame::Wait`].
//!
//! ```text
//! client                         shim
//! Attach{stdout,…}         ->
//!                          <-    Done                 attached: no byte from here on is lost
//!                          <-    Stdout, Stderr …
//! Stdin …, CloseStdin      ->
//! Resize                   ->                          has no answer
//! Signal, Pause            ->
//!                          <-    Done | Refused       one for each request, in order
//!                          <-    Exited               then the end
//! ```
//!
//! A connection that ends without `Exited` is one whose client was too slow, or whose
//! shim died. The client that `shim::spawn` attaches before the first instruction gets no
//! `Done`: its first frame is output.

mod client;
mod frame;

pub use client::{Error, connect, request, send, wait};
pub use frame::{Decoder, Frame, MAX_PAYLOAD_BYTES, Malformed, encode_output, encode_stdin};
