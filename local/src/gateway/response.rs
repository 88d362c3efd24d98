//! Functions' answers as HTTP responses, as API Gateway reads payload format 2.0, and the gateway's own.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE};
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::event::HOP_BY_HOP;

/// A complete response.
pub(super) type Answer = Response<Full<Bytes>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    status_code: Option<Value>,
    headers: Option<HashMap<String, Value>>,
    cookies: Option<Vec<String>>,
    body: Option<Value>,
    is_base64_encoded: Option<bool>,
}

/// The response that a function's answer stands for, or what is wrong with the answer.
pub(super) fn response(answer: &Bytes, is_head: bool) -> Result<Answer, String> {
    let payload = match serde_json::from_slice::<Payload>(answer) {
        Ok(payload) => payload,
        // Only an answer without a status may be anything.
        Err(error) if has_status(answer) => return Err(format!("the answer is not in payload format 2.0: {error}")),
        Err(_) => return inferred(answer),
    };
    let Some(status) = &payload.status_code else { return inferred(answer) };
    let status = status_code(status).ok_or_else(|| format!("the answer has the `statusCode` {status}"))?;

    let body = match payload.body {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if payload.is_base64_encoded == Some(true) => STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(|error| format!("the answer's `body` is not valid Base64: {error}"))?,
        Some(Value::String(text)) => Bytes::from(text),
        Some(_) => return Err("the answer's `body` is not a string".to_owned()),
    };

    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in payload.headers.unwrap_or_default() {
        let value = match value {
            Value::String(text) => text,
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null => continue,
            _ => return Err(format!("the answer's header `{name}` is not text")),
        };
        let invalid = || format!("the answer's header `{name}` is not valid");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        if !HOP_BY_HOP.contains(&name.as_str()) {
            headers.insert(name.clone(), HeaderValue::from_str(&value).map_err(|_| invalid())?);
        }
    }
    for cookie in payload.cookies.unwrap_or_default() {
        let cookie = HeaderValue::from_str(&cookie).map_err(|_| "the answer has an invalid cookie".to_owned())?;
        headers.append(SET_COOKIE, cookie);
    }
    if !body.is_empty() && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    }
    if is_head {
        // A HEAD answer says how long the body of GET would be; only the function knows, unless it sent that body.
        if !body.is_empty() {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        return Ok(response);
    }
    headers.remove(CONTENT_LENGTH);
    *response.body_mut() = Full::new(body);
    Ok(response)
}

fn has_status(answer: &Bytes) -> bool {
    serde_json::from_slice::<Value>(answer).is_ok_and(|answer| answer.get("statusCode").is_some())
}

/// The response for an answer without a status: 200, with the whole answer as JSON.
fn inferred(answer: &Bytes) -> Result<Answer, String> {
    let value: Value = serde_json::from_slice(answer).map_err(|error| format!("the answer is not JSON: {error}"))?;
    let body = match value {
        Value::String(text) => Bytes::from(text),
        _ => answer.clone(),
    };
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// A final status, as a number or in digits.
fn status_code(value: &Value) -> Option<StatusCode> {
    let number = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    (200..600).contains(&number).then(|| StatusCode::from_u16(u16::try_from(number).ok()?).ok()).flatten()
}

/// A JSON answer of the gateway's own.
pub(super) fn json(status: StatusCode, body: &Value) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `{"message": …}`, as the gateway answers by itself.
pub(super) fn message(status: StatusCode, message: &str) -> Answer {
    json(status, &serde_json::json!({ "message": message }))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    fn of(answer: &Value) -> Result<Answer, String> {
        response(&Bytes::from(answer.to_string()), false)
    }

    fn header<'a>(response: &'a Answer, name: &str) -> Option<&'a str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    fn body(response: Answer) -> Vec<u8> {
        let collect = response.into_body().collect();
        let Ok(body) = futures_util::FutureExt::now_or_never(collect).unwrap();
        body.to_bytes().to_vec()
    }

    #[test]
    fn an_answer_becomes_a_response() {
        let response = of(&json!({
            "statusCode": 201,
            "headers": {"Content-Type": "application/json", "X-Count": 3, "Connection": "close", "Content-Length": "99"},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "{\"id\":1}",
            "isBase64Encoded": false,
        }))
        .unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(header(&response, "content-type"), Some("application/json"));
        assert_eq!(header(&response, "x-count"), Some("3"));
        assert_eq!(header(&response, "connection"), None);
        assert_eq!(header(&response, "content-length"), None);
        let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
        assert_eq!(body(response), b"{\"id\":1}");
    }

    #[test]
    fn binary_bodies_are_decoded() {
        let response = of(&json!({"statusCode": "200", "body": "AP8=", "isBase64Encoded": true})).unwrap();
        assert_eq!(body(response), [0, 255]);
        assert!(of(&json!({"statusCode": 200, "body": "?", "isBase64Encoded": true})).is_err());
    }

    #[test]
    fn without_a_status_the_answer_itself_is_the_body() {
        let response = of(&json!({"hello": "world"})).unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, Some("application/json")));
        assert_eq!(body(response), br#"{"hello":"world"}"#);
        assert_eq!(body(of(&json!("hello")).unwrap()), b"hello");
        assert_eq!(body(of(&json!([1])).unwrap()), b"[1]");
    }

    #[test]
    fn text_without_a_type_is_plain() {
        let response = of(&json!({"statusCode": 200, "body": "hello"})).unwrap();
        assert_eq!(header(&response, "content-type"), Some("text/plain;charset=UTF-8"));
        let response = of(&json!({"statusCode": 204})).unwrap();
        assert_eq!(header(&response, "content-type"), None);
    }

    #[test]
    fn a_head_response_keeps_the_length_but_no_body() {
        let answer = json!({"statusCode": 200, "headers": {"content-length": "12"}, "body": ""});
        let response = response(&Bytes::from(answer.to_string()), true).unwrap();
        assert_eq!(header(&response, "content-length"), Some("12"));
        assert!(body(response).is_empty());
    }

    #[test]
    fn wrong_answers_say_what_is_wrong() {
        let error = |answer: Value| of(&answer).unwrap_err();
        assert_eq!(error(json!({"statusCode": 99})), "the answer has the `statusCode` 99");
        assert_eq!(error(json!({"statusCode": 200, "body": {}})), "the answer's `body` is not a string");
        assert_eq!(
            error(json!({"statusCode": 200, "headers": {"a b": "c"}})),
            "the answer's header `a b` is not valid"
        );
        assert!(response(&Bytes::from_static(b"<html>"), false).unwrap_err().contains("not JSON"));
        for malformed in
            [json!({"statusCode": 500, "headers": []}), json!({"statusCode": 200, "isBase64Encoded": "no"})]
        {
            assert!(error(malformed).contains("not in payload format 2.0"));
        }
    }
}
