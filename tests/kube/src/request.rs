//! Requests with a body exactly as written.

use http_body_util::BodyExt as _;
use kube::Client;
use serde_json::Value;

use crate::Error;

/// A body, sent byte for byte.
#[derive(Clone, Copy, Debug)]
pub enum Body<'b> {
    /// `application/yaml`.
    Yaml(&'b str),
    /// `application/json`.
    Json(&'b str),
}

/// What the API server said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code of HTTP.
    pub status: u16,
    /// The texts of the `Warning` headers, in order.
    pub warnings: Vec<String>,
    /// The body, null if it is no JSON.
    pub body: Value,
}

/// Posts a body, and returns the answer whatever it is.
///
/// # Errors
/// If there is no answer.
pub async fn send(client: &Client, path: &str, body: Body<'_>) -> Result<Answer, Error> {
    let (kind, text) = match body {
        Body::Yaml(text) => ("application/yaml", text),
        Body::Json(text) => ("application/json", text),
    };
    let request = http::Request::post(path)
        .header("Content-Type", kind)
        .header("Accept", "application/json")
        .body(kube::client::Body::from(text.as_bytes().to_vec()))?;
    let (head, body) = client.send(request).await?.into_parts();
    let warnings = head.headers.get_all("Warning").into_iter().map(warning);
    let warnings = warnings.collect();
    let bytes = body.collect().await?.to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(Answer { status: head.status.as_u16(), warnings, body })
}

/// `299 - "a quoted text"`, or all of it if it has another form.
fn warning(header: &http::HeaderValue) -> String {
    let text = String::from_utf8_lossy(header.as_bytes());
    let quoted = text.splitn(3, ' ').nth(2);
    let inner = quoted.and_then(|quoted| serde_json::from_str(quoted).ok());
    inner.unwrap_or_else(|| text.into_owned())
}
