//! What is answered to a request.

use std::path::Path;

use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use subtle::ConstantTimeEq as _;

use super::{Caller, Endpoint};
use crate::observe::{NodeReport, Status};

/// This part of the agent, as operators know it.
const TOKEN: &str = "metrics token";

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const OPENMETRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The answer to a request. Its body, if it has one, is not read.
pub fn answer<B>(
    request: &Request<B>,
    endpoint: &Endpoint,
    (status, caller): (&Status, Caller),
) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is served\n");
    }
    match request.uri().path() {
        "/metrics" if endpoint.paths.has_metrics() => {
            guarded(request, endpoint, || (OPENMETRICS, status.text()))
        }
        // It has names of policies, which are nobody's business elsewhere.
        "/status" if caller == Caller::Elsewhere => {
            text(StatusCode::FORBIDDEN, "only the node itself is answered\n")
        }
        "/status" => guarded(request, endpoint, || (JSON, report(status))),
        "/healthz" if endpoint.paths.has_health() => match status.alive() {
            true => text(StatusCode::OK, "ok\n"),
            false => text(StatusCode::SERVICE_UNAVAILABLE, "the agent's loop is stuck\n"),
        },
        "/readyz" if endpoint.paths.has_health() => match status.obstacle() {
            None => text(StatusCode::OK, readiness(&status.notes())),
            Some(obstacle) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{obstacle}\n")),
        },
        _ => text(StatusCode::NOT_FOUND, "not found: try /metrics, /healthz, /readyz or /status\n"),
    }
}

/// `ready`, and a line for each note.
fn readiness(notes: &[String]) -> String {
    notes.iter().fold("ready\n".to_owned(), |text, note| format!("{text}note: {note}\n"))
}

fn report(status: &Status) -> String {
    serde_json::to_string(&NodeReport::of(status)).unwrap_or_default()
}

/// An answer, if the request has the token that is asked for.
fn guarded<B>(
    request: &Request<B>,
    endpoint: &Endpoint,
    answer: impl FnOnce() -> (HeaderValue, String),
) -> Response<Full<Bytes>> {
    let given = request.headers().get(AUTHORIZATION);
    match endpoint.token.as_deref().map_or(Ok(true), |file| is_right(given, file)) {
        Ok(true) => {
            let (kind, body) = answer();
            let mut response = text(StatusCode::OK, body);
            response.headers_mut().insert(CONTENT_TYPE, kind);
            response
        }
        Ok(false) => {
            let mut response = text(StatusCode::UNAUTHORIZED, "a bearer token is required\n");
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            response
        }
        Err(error) => {
            tracing::debug!(%error, "could not read the token file");
            text(StatusCode::SERVICE_UNAVAILABLE, "the agent cannot read its token file\n")
        }
    }
}

/// Looks whether there is a token, whoever asks: without one nobody is served metrics.
pub fn check_token(file: &Path, status: &Status) {
    let why = match std::fs::read(file) {
        Ok(token) if !token.trim_ascii().is_empty() => return status.restored(TOKEN),
        Ok(_) => "the token file of metrics is empty".to_owned(),
        Err(error) => format!("could not read the token file of metrics: {error}"),
    };
    if status.degraded(TOKEN, &why) {
        tracing::error!("{why}");
    }
}

/// Whether a request has the token of a file, which is read each time, so that it can be replaced.
/// How long it takes depends only on the token's length.
fn is_right(given: Option<&HeaderValue>, file: &Path) -> std::io::Result<bool> {
    let token = std::fs::read(file)?;
    let token = token.trim_ascii();
    let Some((scheme, given)) = given.and_then(|given| given.as_bytes().split_at_checked(7)) else {
        return Ok(false);
    };
    let right: bool = given.trim_ascii().ct_eq(token).into();
    // An empty file has not been filled yet.
    Ok(right && scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty())
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}
