//! Consoles in the browser: WebSocket here, the host's stream there, small buffers between.

use crate::engine::Engine;
use crate::engine::vms::console::{self, Closing, Console, WatchOnly};
use crate::model::ids::VmId;
use actix_codec::{Framed, FramedParts};
use actix_http::body::BodySize;
use actix_http::h1::{self, Codec};
use actix_http::{ConnectionType, Request, RequestHead, Response, ws};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use fastwebsockets::{Frame, OpCode, Payload, Role, WebSocketError, WebSocketRead, WebSocketWrite};
use futures_util::SinkExt;
use serde::Deserialize;
use std::borrow::Cow;
use std::convert::Infallible;
use std::io::{self, Cursor};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex, watch};

/// A browser sends keys and mouse moves, and a pasted text at most.
const MAX_FRAME: usize = 1 << 20;
/// How long a browser that does not read may delay the end of its console.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// `GET /console/{vm}` of somebody who does not ask for a WebSocket.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/console/{vm}", web::get().to(plain));
}

async fn plain(request: HttpRequest) -> HttpResponse {
    let (status, why) = match asked(request.head()) {
        Err(refusal) => refusal,
        Ok(_) => (StatusCode::BAD_REQUEST, NO_WEBSOCKET.to_owned()),
    };
    HttpResponse::build(status).content_type(PLAIN).body(why)
}

const PLAIN: &str = "text/plain; charset=utf-8";
const NO_WEBSOCKET: &str = "This address only speaks WebSocket.";

type Refusal = (StatusCode, String);

fn refuse(status: StatusCode, why: &str) -> Refusal {
    (status, why.to_owned())
}

/// What a console is asked for with.
struct Asked {
    vm: VmId,
    ticket: String,
    /// The session's secret, if a browser asks.
    browser: Option<String>,
}

/// The VM and the ticket of a console's address: `/console/{vm}?ticket=…`.
fn asked(head: &RequestHead) -> Result<Asked, Refusal> {
    if !same_origin(head) {
        return Err(refuse(StatusCode::FORBIDDEN, "A console can only be opened from this engine's own pages."));
    }
    let id = head.uri.path().strip_prefix("/console/").and_then(|id| id.parse().ok());
    let Some(vm) = id else { return Err(refuse(StatusCode::NOT_FOUND, "There is no such VM.")) };
    let query: Result<Query, _> = serde_urlencoded::from_str(head.uri.query().unwrap_or_default());
    let Ok(Query { ticket }) = query else {
        return Err(refuse(StatusCode::BAD_REQUEST, "The address lacks its ticket: /console/{vm}?ticket=…"));
    };
    let cookies = head.headers().get_all(header::COOKIE).filter_map(|c| c.to_str().ok());
    let mut all = cookies.flat_map(|line| line.split(';')).filter_map(|one| one.trim().split_once('='));
    let browser = all.find(|(name, _)| *name == super::request::COOKIE).map(|(_, secret)| secret.to_owned());
    Ok(Asked { vm, ticket, browser })
}

#[derive(Deserialize)]
struct Query {
    ticket: String,
}

/// Every connection that asks to become a WebSocket comes here, past pages and API: what carries a console's bytes from then on is the
/// TLS stream itself, without buffers of HTTP.
///
/// # Errors
/// Never: who is gone needs no answer.
pub async fn upgrade<S>(engine: Arc<Engine>, request: Request, framed: Framed<S, Codec>) -> Result<(), Infallible>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let accepted = accept(&engine, request.head()).await;
    // An idle console keeps nothing of how it came about.
    drop(request);
    let done = match accepted {
        Ok((console, response)) => start(framed, response, console).await,
        Err(refusal) => turn_away(framed, refusal).await,
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a console's browser is gone");
    }
    Ok(())
}

async fn start<S>(mut framed: Framed<S, Codec>, response: Response<()>, console: Console) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    framed.send(h1::Message::Item((response, BodySize::None))).await?;
    let FramedParts { io, read_buf, .. } = framed.into_parts();
    let early = Bytes::copy_from_slice(&read_buf);
    drop(read_buf);
    // In a task of its own: HTTP's state of the connection, 20 KiB, ends here.
    actix_web::rt::spawn(carry(io, early, console));
    Ok(())
}

async fn turn_away<S>(mut framed: Framed<S, Codec>, (status, why): Refusal) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut response = Response::new(status).drop_body();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PLAIN));
    response.head_mut().set_connection_type(ConnectionType::Close);
    framed.send(h1::Message::Item((response, BodySize::Sized(why.len() as u64)))).await?;
    framed.send(h1::Message::Chunk(Some(Bytes::from(why)))).await?;
    framed.send(h1::Message::Chunk(None)).await?;
    framed.close().await
}

/// The display, and the answer that turns the connection into a WebSocket.
async fn accept(engine: &Arc<Engine>, head: &RequestHead) -> Result<(Console, Response<()>), Refusal> {
    let Asked { vm, ticket, browser } = asked(head)?;
    let mut response = ws::handshake(head).map_err(|_| refuse(StatusCode::BAD_REQUEST, NO_WEBSOCKET))?;
    let console = console::open(engine, vm, &ticket, browser).await;
    let console = console.map_err(|error| (super::api::fault::status(&error), error.to_string()))?;
    if asks_for_binary(head) {
        response.insert_header((header::SEC_WEBSOCKET_PROTOCOL, "binary"));
    }
    Ok((console, response.finish().drop_body()))
}

/// Browsers say where the page came from; another site's page must not reach a console through a user's session.
fn same_origin(head: &RequestHead) -> bool {
    let Some(origin) = head.headers().get(header::ORIGIN) else { return true };
    let host = head.headers().get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    origin.to_str().is_ok_and(|o| o.strip_prefix("https://") == Some(host))
}

fn asks_for_binary(head: &RequestHead) -> bool {
    let asked = head.headers().get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|v| v.to_str().ok());
    asked.is_some_and(|all| all.split(',').any(|p| p.trim() == "binary"))
}

async fn carry<S: AsyncRead + AsyncWrite + Unpin + 'static>(stream: S, early: Bytes, mut console: Console) {
    let (read, write) = tokio::io::split(stream);
    let (mut from_browser, to_browser) =
        fastwebsockets::after_handshake_split(Cursor::new(early).chain(read), write, Role::Server);
    from_browser.set_max_message_size(MAX_FRAME);
    let browser = Browser(Mutex::new(to_browser));
    let mut watch_only = console.watch_only.take();
    let (mut from_display, mut to_display) = tokio::io::split(&mut console.stream);
    let down = async {
        let why = show(&mut from_display, &browser, console.closing.clone()).await?;
        browser.send(Frame::close(close_code(why), reason(why).as_bytes())).await
    };
    let late = async {
        closed_by_us(&mut console.closing.clone()).await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        done = down => if let Err(error) = done { tracing::debug!(%error, "a console's browser is gone") },
        () = type_in(&mut from_browser, &browser, &mut to_display, watch_only.as_mut()) => {}
        () = late => {}
    }
}

/// What both directions send to the browser, one whole frame after another.
struct Browser<W>(Mutex<WebSocketWrite<W>>);

impl<W: AsyncWrite + Unpin> Browser<W> {
    async fn send(&self, frame: Frame<'_>) -> Result<(), WebSocketError> {
        let mut to_browser = self.0.lock().await;
        to_browser.write_frame(frame).await?;
        to_browser.flush().await
    }
}

/// The display's bytes to the browser, until the display closes or the engine closes the console.
async fn show<W: AsyncWrite + Unpin>(
    display: &mut (impl AsyncRead + Unpin),
    browser: &Browser<W>,
    mut closing: watch::Receiver<Option<Closing>>,
) -> Result<Closing, WebSocketError> {
    loop {
        // Only between frames: half a frame would swallow the closing code after it.
        let piece = tokio::select! {
            piece = console::piece(display) => piece,
            why = closed_by_us(&mut closing) => return Ok(why),
        };
        match piece {
            Ok(bytes) if !bytes.is_empty() => browser.send(Frame::binary(Payload::Borrowed(&bytes))).await?,
            _ => return Ok(Closing::VmStopped),
        }
    }
}

/// The browser's bytes to the display, until the browser closes or says what no console says.
async fn type_in<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    from_browser: &mut WebSocketRead<R>,
    browser: &Browser<W>,
    display: &mut (impl AsyncWrite + Unpin),
    mut watch_only: Option<&mut WatchOnly>,
) {
    while let Ok(frame) = from_browser.read_frame(&mut |answer| browser.send(answer)).await {
        match frame.opcode {
            OpCode::Binary | OpCode::Continuation => {
                let passed = match watch_only.as_deref_mut().map(|watch| watch.pass(&frame.payload)) {
                    None => Cow::Borrowed(&frame.payload[..]),
                    Some(Ok(passed)) => Cow::Owned(passed),
                    Some(Err(error)) => return tracing::info!(%error, "a console is closed"),
                };
                if display.write_all(&passed).await.is_err() {
                    // The display is gone: the other direction tells the browser.
                    return std::future::pending().await;
                }
            }
            OpCode::Ping | OpCode::Pong => {}
            OpCode::Text | OpCode::Close => return,
        }
    }
}

async fn closed_by_us(closing: &mut watch::Receiver<Option<Closing>>) -> Closing {
    if let Ok(why) = closing.wait_for(Option::is_some).await
        && let Some(why) = *why
    {
        return why;
    }
    std::future::pending().await
}

const fn close_code(why: Closing) -> u16 {
    match why {
        Closing::SessionEnded => 4401,
        Closing::PermissionWithdrawn => 4403,
        Closing::VmStopped => 4404,
        Closing::TakenOver => 4409,
        Closing::Locked => 4423,
    }
}

const fn reason(why: Closing) -> &'static str {
    match why {
        Closing::SessionEnded => "the session ended",
        Closing::PermissionWithdrawn => "the permission was taken away",
        Closing::VmStopped => "the VM's display closed",
        Closing::TakenOver => "somebody took the console over",
        Closing::Locked => "the teacher locked the screens",
    }
}
