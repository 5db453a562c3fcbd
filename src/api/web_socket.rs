//! Web sockets (RFC 6455): output goes out in binary messages, and what comes in messages
//! is input.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use hyper::{
    StatusCode,
    header::{
        CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
        UPGRADE,
    },
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{
    answer::{Answer, Failure, empty},
    ask::Ask,
    hijack::Line,
};

/// Bytes of output in one message, at most.
const PIECE_BYTES: usize = 16 * 1024;
/// Bytes of the largest message that is taken.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// How long the other end may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(5);

/// Begins one, if that is what was asked.
pub fn begin(ask: &mut Ask) -> Result<(Answer, Line), Failure> {
    let is = |name, wanted: &str| {
        let header = ask.header(name);
        header.is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    };
    if !is(UPGRADE.as_str(), "websocket") || !is(SEC_WEBSOCKET_VERSION.as_str(), "13") {
        return Err(Failure::bad(
            "this is for web sockets: ask with Upgrade: websocket and Sec-WebSocket-Version: 13",
        ));
    }
    let key = ask.headers.get(SEC_WEBSOCKET_KEY);
    let key = key.ok_or_else(|| Failure::bad("Sec-WebSocket-Key is missing"))?;
    let proof = HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .expect("it is base64, which is a header's text");
    let upgrade = ask
        .take_upgrade()
        .ok_or_else(|| Failure::bad("this connection can't become a web socket"))?;
    let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, proof);
    Ok((answer, Line::Messages(upgrade)))
}

/// Copies between a web socket and a stream, until either ends.
pub async fn carry(connection: Upgraded, stream: DuplexStream) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let connection = TokioIo::new(connection);
    let socket = WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await;
    let (mut sink, mut messages) = socket.split();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let outward = async {
        let mut buffer = BytesMut::with_capacity(PIECE_BYTES);
        while let Ok(1..) = reader.read_buf(&mut buffer).await {
            let piece = Message::Binary(buffer.split().freeze());
            if sink.send(piece).await.is_err() {
                return;
            }
            buffer.reserve(PIECE_BYTES);
        }
        // It may have been closed from the other end.
        let _ = sink.close().await;
    };
    let inward = async {
        while let Some(Ok(message)) = messages.next().await {
            let written = match message {
                Message::Text(text) => writer.write_all(text.as_bytes()).await,
                Message::Binary(bytes) => writer.write_all(&bytes).await,
                Message::Close(_) => return,
                // The library answers pings.
                _ => Ok(()),
            };
            if written.is_err() {
                return;
            }
        }
    };
    tokio::pin!(inward);
    tokio::select! {
        () = outward => {
            // The other end says goodbye too.
            let _ = tokio::time::timeout(FAREWELL, inward).await;
        }
        () = &mut inward => {}
    }
}
