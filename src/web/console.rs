//! Consoles in the browser: WebSocket here, the host's stream there, small buffers between.

use super::server::Shared;
use crate::engine::vms::console::{self, Closing, Console};
use crate::model::ids::VmId;
use actix_web::body::{BodyStream, MessageBody};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt};
use serde::Deserialize;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_util::sync::PollSender;

/// A console that is idle holds about this much in each direction.
const READ_BUFFER: usize = 4 * 1024;
/// A browser sends keys and mouse moves, and a pasted text at most.
const MAX_FRAME: usize = 1 << 20;

/// `GET /console/{vm}?ticket=…`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/console/{vm}", web::get().to(open));
}

#[derive(Deserialize)]
struct Query {
    ticket: String,
}

async fn open(
    shared: web::Data<Shared>,
    request: HttpRequest,
    body: web::Payload,
    vm: web::Path<String>,
    query: web::Query<Query>,
) -> HttpResponse {
    if !same_origin(&request) {
        return refuse(StatusCode::FORBIDDEN, "A console can only be opened from this engine's own pages.");
    }
    let Ok(vm) = vm.parse::<VmId>() else { return refuse(StatusCode::NOT_FOUND, "There is no such VM.") };
    let Ok(mut handshake) = actix_http::ws::handshake(request.head()) else {
        return refuse(StatusCode::BAD_REQUEST, "This address only speaks WebSocket.");
    };
    let console = match console::open(&shared.engine, vm, &query.ticket).await {
        Ok(console) => console,
        Err(error) => return refuse(super::api::fault::status(&error), &error.to_string()),
    };
    if asks_for_binary(&request) {
        handshake.insert_header((header::SEC_WEBSOCKET_PROTOCOL, "binary"));
    }
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(4);
    let io = Upgraded { incoming: body, rest: Bytes::new(), outgoing: PollSender::new(sender) };
    actix_web::rt::spawn(carry(io, console));
    let bytes = BodyStream::new(ReceiverStream::new(receiver).map(Ok::<_, std::io::Error>));
    match handshake.message_body(MessageBody::boxed(bytes)) {
        Ok(response) => response.into(),
        Err(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "The console could not be opened."),
    }
}

fn refuse(status: StatusCode, why: &str) -> HttpResponse {
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(why.to_owned())
}

/// Browsers say where the page came from; another site's page must not reach a console through a user's session.
fn same_origin(request: &HttpRequest) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return true };
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    origin.to_str().is_ok_and(|o| o.strip_prefix("https://") == Some(host))
}

fn asks_for_binary(request: &HttpRequest) -> bool {
    let asked = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|v| v.to_str().ok());
    asked.is_some_and(|all| all.split(',').any(|p| p.trim() == "binary"))
}

async fn carry(io: Upgraded, mut console: Console) {
    let settings = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(4 << 20)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(settings)).await;
    let (mut to_browser, mut from_browser) = socket.split();
    let mut closing = console.closing.clone();
    let (mut from_display, mut to_display) = tokio::io::split(&mut console.stream);
    let down = async {
        loop {
            match console::piece(&mut from_display).await {
                Ok(bytes) if !bytes.is_empty() => to_browser.send(Message::Binary(bytes)).await.ok()?,
                _ => return Some(()),
            }
        }
    };
    let up = async {
        while let Some(Ok(message)) = from_browser.next().await {
            match message {
                Message::Binary(bytes) => to_display.write_all(&bytes).await.ok()?,
                Message::Close(_) => return Some(()),
                _ => {}
            }
        }
        Some(())
    };
    let why = tokio::select! {
        _ = down => Some(Closing::VmStopped),
        _ = up => None,
        why = closed_by_us(&mut closing) => why,
    };
    if let Some(why) = why {
        let frame = CloseFrame { code: close_code(why).into(), reason: reason(why).into() };
        // The browser may be gone already.
        let _ = to_browser.send(Message::Close(Some(frame))).await;
    }
}

async fn closed_by_us(closing: &mut tokio::sync::watch::Receiver<Option<Closing>>) -> Option<Closing> {
    match closing.wait_for(Option::is_some).await {
        Ok(why) => *why,
        Err(_) => std::future::pending().await,
    }
}

const fn close_code(why: Closing) -> u16 {
    match why {
        Closing::SessionEnded => 4401,
        Closing::PermissionWithdrawn => 4403,
        Closing::VmStopped => 4404,
    }
}

const fn reason(why: Closing) -> &'static str {
    match why {
        Closing::SessionEnded => "the session ended",
        Closing::PermissionWithdrawn => "the permission was taken away",
        Closing::VmStopped => "the VM's display closed",
    }
}

/// The upgraded connection: the request's body is what comes, the response's body what goes.
struct Upgraded {
    incoming: web::Payload,
    rest: Bytes,
    outgoing: PollSender<Bytes>,
}

impl AsyncRead for Upgraded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        loop {
            if !self.rest.is_empty() {
                let n = self.rest.len().min(out.remaining());
                let head = self.rest.split_to(n);
                out.put_slice(&head);
                return Poll::Ready(Ok(()));
            }
            match Pin::new(&mut self.incoming).poll_next(cx) {
                Poll::Ready(Some(Ok(bytes))) => self.rest = bytes,
                Poll::Ready(Some(Err(e))) => return Poll::Ready(Err(std::io::Error::other(e.to_string()))),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let gone = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        match self.outgoing.poll_reserve(cx) {
            Poll::Ready(Ok(())) => {
                self.outgoing.send_item(Bytes::copy_from_slice(bytes)).map_err(|_| gone())?;
                Poll::Ready(Ok(bytes.len()))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(gone())),
            Poll::Pending => Poll::Pending,
        }
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.outgoing.close();
        Poll::Ready(Ok(()))
    }
}
