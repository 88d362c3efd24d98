//! Requests as events: API Gateway's payload format 2.0.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::http::request::Parts;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use url::Url;

use crate::template::{ACCOUNT, Route};

/// Headers that concern the connection, not the request.
pub(super) const HOP_BY_HOP: &[&str] =
    &["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// What an event says beyond the request itself.
pub(super) struct Circumstances<'a> {
    pub(super) route: &'a Route,
    pub(super) host: &'a Host,
    pub(super) source_ip: IpAddr,
    /// The gateway's own port.
    pub(super) port: u16,
    pub(super) request_id: &'a str,
    pub(super) trace_id: &'a str,
    pub(super) now: Timestamp,
}

/// The host that a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Host {
    domain: String,
}

impl Host {
    /// The one `Host` header of a request, if it is valid. Strict, because the library in the functions builds URLs
    /// from it and trusts the gateway.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
        let host = host.to_str().ok()?;
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte)) {
            return None;
        }
        let url = Url::parse(&format!("http://{host}/")).ok()?;
        Some(Self { domain: url.host_str()?.to_owned() })
    }

    /// The API's domain name. In an account only its own names lead to an API, so events carry no others; here these
    /// are the loopback interface's names.
    fn api_domain(&self) -> &str {
        if self.is_of_this_machine() { &self.domain } else { "localhost" }
    }

    /// Whether it is a name that leads nobody else to this machine: one of the loopback interface.
    pub(super) fn is_of_this_machine(&self) -> bool {
        matches!(self.domain.as_str(), "127.0.0.1" | "[::1]" | "localhost")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    headers: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<Cow<'a, str>, String>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'static str,
    time: String,
    time_epoch: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: String,
    user_agent: String,
}

/// The event for a request.
pub(super) fn event(request: &Parts, body: &[u8], circumstances: &Circumstances<'_>) -> serde_json::Result<Vec<u8>> {
    let path = percent_decode_str(request.uri.path()).decode_utf8_lossy();
    let query = request.uri.query().unwrap_or_default();
    let domain = circumstances.host.api_domain();
    let body_length = body.len();
    let (body, is_base64_encoded) = encoded(&request.headers, body);
    let event = Event {
        version: "2.0",
        route_key: circumstances.route.key(),
        raw_path: &path,
        raw_query_string: query,
        cookies: cookies(&request.headers),
        headers: headers(request, body_length, circumstances),
        query_string_parameters: query_parameters(query),
        path_parameters: circumstances.route.parameters(request.uri.path()).into_iter().collect(),
        request_context: Context {
            account_id: ACCOUNT,
            api_id: "local",
            domain_name: domain,
            domain_prefix: domain.split('.').next().unwrap_or_default(),
            http: Http {
                method: request.method.as_str(),
                path: &path,
                protocol: "HTTP/1.1",
                source_ip: circumstances.source_ip.to_string(),
                user_agent: request.headers.get(USER_AGENT).map(text).unwrap_or_default(),
            },
            request_id: circumstances.request_id,
            route_key: circumstances.route.key(),
            stage: "$default",
            time: circumstances.now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            time_epoch: circumstances.now.as_millisecond(),
        },
        body,
        is_base64_encoded,
    };
    serde_json::to_vec(&event)
}

/// Headers by lower-case name, repeated ones joined; what the gateway knows better than the client is its own.
fn headers<'a>(request: &'a Parts, body_length: usize, circumstances: &Circumstances<'_>) -> BTreeMap<&'a str, String> {
    let mut headers = BTreeMap::new();
    for name in request.headers.keys() {
        // Cookies have a field of their own.
        if name == COOKIE || HOP_BY_HOP.contains(&name.as_str()) {
            continue;
        }
        let values: Vec<String> = request.headers.get_all(name).iter().map(text).collect();
        headers.insert(name.as_str(), values.join(","));
    }

    let source = circumstances.source_ip.to_string();
    let forwarded = match headers.get("x-forwarded-for") {
        Some(before) => format!("{before}, {source}"),
        None => source,
    };
    headers.insert("x-forwarded-for", forwarded);
    headers.insert("x-forwarded-port", circumstances.port.to_string());
    headers.insert("x-forwarded-proto", "http".to_owned());
    headers.insert("x-amzn-trace-id", circumstances.trace_id.to_owned());
    if body_length > 0 || headers.contains_key("content-length") {
        headers.insert("content-length", body_length.to_string());
    }
    headers
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let cookies = headers.get_all(COOKIE).iter().map(text);
    cookies.flat_map(|line| line.split("; ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Decoded query parameters, repeated ones joined with commas, as lossy as that is.
fn query_parameters(query: &str) -> BTreeMap<Cow<'_, str>, String> {
    let mut parameters: BTreeMap<Cow<'_, str>, String> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match parameters.get_mut(&name) {
            Some(joined) => {
                joined.push(',');
                joined.push_str(&value);
            }
            None => {
                parameters.insert(name, value.into_owned());
            }
        }
    }
    parameters
}

/// The body as the event carries it, and whether that is Base64. API Gateway passes on text as it is only under the
/// few content types that it takes for text; forms and bodies without a type are not among them.
fn encoded<'a>(headers: &HeaderMap, body: &'a [u8]) -> (Option<Cow<'a, str>>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    match std::str::from_utf8(body) {
        Ok(text) if is_text(headers) => (Some(Cow::Borrowed(text)), false),
        _ => (Some(Cow::Owned(STANDARD.encode(body))), true),
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.starts_with("text/")
        || matches!(media_type.as_str(), "application/javascript" | "application/json" | "application/xml")
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hyper::Request;
    use serde_json::{Value, json};

    use super::*;
    use crate::template::Template;

    const TEMPLATE: &str = "
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
  ItemsFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/items/bootstrap.zip
      Events:
        Items: { Type: HttpApi, Properties: { Path: '/items/{proxy+}', Method: ANY } }
        Default: { Type: HttpApi, Properties: { Path: $default, Method: ANY } }
";

    fn event_of(request: Request<&[u8]>) -> Value {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        let (parts, body) = request.into_parts();
        let route = template.routes().find(parts.method.as_str(), parts.uri.path()).unwrap();
        let circumstances = Circumstances {
            route,
            host: &Host::of(&parts.headers).unwrap(),
            source_ip: Ipv4Addr::LOCALHOST.into(),
            port: 8000,
            request_id: "JKJaXmPLvHcESHA=",
            trace_id: "Root=1-67400000-000000000000000000000000",
            now: "2026-11-20T17:00:00.123Z".parse().unwrap(),
        };
        serde_json::from_slice(&event(&parts, body, &circumstances).unwrap()).unwrap()
    }

    fn request(method: &str, uri: &str) -> hyper::http::request::Builder {
        Request::builder().method(method).uri(uri).header("Host", "localhost:8000")
    }

    #[test]
    fn a_request_becomes_an_event_of_version_2() {
        let request = request("PUT", "/items/a%2Fb%20c/?tag=x&tag=y%20z&q=a+b&empty")
            .header("User-Agent", "curl/8")
            .header("Content-Type", "application/json; charset=utf-8")
            .header("Content-Length", "2")
            .header("Accept", "a")
            .header("Accept", "b")
            .header("Cookie", "one=1; two=2")
            .header("Connection", "keep-alive")
            .header("X-Forwarded-For", "203.0.113.9")
            .header("X-Forwarded-Proto", "https")
            .body(&b"{}"[..]);
        assert_eq!(
            event_of(request.unwrap()),
            json!({
                "version": "2.0",
                "routeKey": "ANY /items/{proxy+}",
                "rawPath": "/items/a/b c/",
                "rawQueryString": "tag=x&tag=y%20z&q=a+b&empty",
                "cookies": ["one=1", "two=2"],
                "headers": {
                    "accept": "a,b",
                    "content-length": "2",
                    "content-type": "application/json; charset=utf-8",
                    "host": "localhost:8000",
                    "user-agent": "curl/8",
                    "x-amzn-trace-id": "Root=1-67400000-000000000000000000000000",
                    "x-forwarded-for": "203.0.113.9, 127.0.0.1",
                    "x-forwarded-port": "8000",
                    "x-forwarded-proto": "http",
                },
                "queryStringParameters": {"empty": "", "q": "a b", "tag": "x,y z"},
                "requestContext": {
                    "accountId": "000000000000",
                    "apiId": "local",
                    "domainName": "localhost",
                    "domainPrefix": "localhost",
                    "http": {
                        "method": "PUT",
                        "path": "/items/a/b c/",
                        "protocol": "HTTP/1.1",
                        "sourceIp": "127.0.0.1",
                        "userAgent": "curl/8",
                    },
                    "requestId": "JKJaXmPLvHcESHA=",
                    "routeKey": "ANY /items/{proxy+}",
                    "stage": "$default",
                    "time": "20/Nov/2026:17:00:00 +0000",
                    "timeEpoch": 1_795_194_000_123_i64,
                },
                "pathParameters": {"proxy": "a/b c/"},
                "body": "{}",
                "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn what_a_request_does_not_have_is_left_out() {
        let event = event_of(request("GET", "/").body(&b""[..]).unwrap());
        for field in ["body", "cookies", "pathParameters", "queryStringParameters"] {
            assert_eq!(event.get(field), None, "{field}");
        }
        assert_eq!(event.pointer("/headers/content-length"), None);
        assert_eq!(event["routeKey"], "$default");
        assert_eq!(event["rawQueryString"], "");
    }

    #[test]
    fn only_text_travels_as_text() {
        let body_of = |content_type: Option<&str>, body: &'static [u8]| {
            let mut builder = request("POST", "/");
            if let Some(content_type) = content_type {
                builder = builder.header("Content-Type", content_type);
            }
            let event = event_of(builder.body(body).unwrap());
            (event["body"].as_str().unwrap().to_owned(), event["isBase64Encoded"].as_bool().unwrap())
        };
        for text in ["application/json", "TEXT/Plain; charset=utf-8", "application/xml", "application/javascript"] {
            assert_eq!(body_of(Some(text), b"abc"), ("abc".to_owned(), false), "{text}");
        }
        for binary in [None, Some("application/x-www-form-urlencoded"), Some("multipart/form-data"), Some("image/png")]
        {
            assert_eq!(body_of(binary, b"abc"), ("YWJj".to_owned(), true), "{binary:?}");
        }
        assert_eq!(body_of(Some("application/json"), b"\xff"), ("/w==".to_owned(), true));
    }

    #[test]
    fn the_host_must_be_valid() {
        let host = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HOST, HeaderValue::from_bytes(value).unwrap());
            }
            Host::of(&headers).map(|host| host.api_domain().to_owned())
        };
        assert_eq!(host(&[b"127.0.0.1:8000"]).as_deref(), Some("127.0.0.1"));
        assert_eq!(host(&[b"LOCALHOST"]).as_deref(), Some("localhost"));
        assert_eq!(host(&[b"[::1]:8000"]).as_deref(), Some("[::1]"));
        assert_eq!(host(&[b"evil.example.com"]).as_deref(), Some("localhost"));
        let invalid: &[&[u8]] = &[
            b"",
            b"a b",
            b"a/b",
            b"user@host",
            b"host:port",
            b"host:99999",
            b"[::1",
            b"1.2.3.256",
            b"a,b",
            b"xn--a",
            b"\xff",
            b"a?b",
            b":8000",
            b"a%00b",
        ];
        for value in invalid {
            assert_eq!(host(&[value]), None, "{}", String::from_utf8_lossy(value));
        }
        assert_eq!(host(&[]), None);
        assert_eq!(host(&[b"a", b"b"]), None);
    }
}
