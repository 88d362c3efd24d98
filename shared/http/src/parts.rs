//! The parts of a request that [`Valid`](crate::request::Valid) reads: path, query, header fields, JSON body and form.

use std::borrow::Cow;

use peregrine_core::validation::{Fault, Input, Model, Origin, Segment, Validate, urlencoded, validate};

use crate::body::ReceivedBody;
use crate::request::{BodyKind, Part, Received, object_of};

/// The parameters in the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// Parameters in the query string. Several of them, each with its own model, can stand side by side.
#[derive(Debug)]
pub struct Query<T>(pub T);

/// Header fields. A model's field `if_match` is the header field `If-Match`; of a repeated one the last value counts,
/// or all for a field that takes a list.
#[derive(Debug)]
pub struct Header<T>(pub T);

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// A form, URL-encoded or multipart.
#[derive(Debug)]
pub struct Form<T>(pub T);

/// What a page's form sends, or a program as JSON.
#[derive(Debug)]
pub struct FormOrJson<T>(pub T);

impl<T: Model + Send> Part for Path<T> {
    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        validated(received, &object_of(&received.path), Origin::Parameters, "path", faults).map(Self)
    }
}

impl<T: Model + Send> Part for Query<T> {
    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        let object = urlencoded::query::<T>(&received.query);
        validated(received, &object, Origin::Parameters, "query", faults).map(Self)
    }
}

impl<T: Model + Send> Part for Header<T> {
    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        let fields = T::FIELDS.iter().flat_map(|field| {
            let values = received.headers().get_all(header_name(field.name)).into_iter();
            values.map(|value| (field.name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        });
        let object = urlencoded::query::<T>(&fields.collect::<Vec<_>>());
        let mut found = Vec::new();
        let read = validated(received, &object, Origin::Parameters, "header", &mut found);
        for segment in found.iter_mut().flat_map(|fault| &mut fault.location) {
            if let Segment::Name(name) = segment {
                *name = Cow::Owned(header_name(name));
            }
        }
        faults.extend(found);
        read.map(Self)
    }
}

/// The header field that a model's field stands for.
fn header_name(field: &str) -> String {
    field.replace('_', "-")
}

impl<T: Validate + Send> Part for Body<T> {
    const BODY: BodyKind = BodyKind::Json;

    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        if let ReceivedBody::Json(body) = &received.body {
            return validated(received, body, Origin::Json, "body", faults).map(Self);
        }
        faults.push(Fault::missing(&["body"], Input::Null));
        None
    }
}

/// A body that may be left out, as in FastAPI a parameter with the default `None`: then, or for `null`, there is none.
impl<T: Validate + Send> Part for Option<Body<T>> {
    const BODY: BodyKind = BodyKind::Json;

    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        match &received.body {
            ReceivedBody::Json(Input::Null) | ReceivedBody::Absent => Some(None),
            _ => Body::read(received, faults).map(Some),
        }
    }
}

impl<T: Model + Send> Part for Form<T> {
    const BODY: BodyKind = BodyKind::Form;

    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        let fields = if let ReceivedBody::Form(fields) = &received.body { fields.as_slice() } else { &[] };
        validated(received, &urlencoded::form::<T>(fields), Origin::Parameters, "body", faults).map(Self)
    }
}

impl<T: Model + Send> Part for FormOrJson<T> {
    const BODY: BodyKind = BodyKind::FormOrJson;

    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        match received.body {
            ReceivedBody::Form(_) => Form::read(received, faults).map(|Form(model)| Self(model)),
            _ => Body::read(received, faults).map(|Body(model)| Self(model)),
        }
    }
}

/// Reads a model by the rules that hold here, or adds all its faults.
fn validated<T: Validate>(
    received: &Received,
    input: &Input,
    origin: Origin,
    root: &'static str,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    validate(input, origin, root, received.exchange.rules()).map_err(|found| faults.extend(found)).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use peregrine_core::validation::Validate;

    use super::*;

    #[derive(Debug, Validate)]
    struct Fields {
        #[param(min_length = 3)]
        x_token: String,
        #[param(maximum = 9)]
        max_forwards: Option<u32>,
        #[param(required = false)]
        x_tag: Vec<String>,
    }

    fn read(fields: &[(&'static str, &'static str)]) -> Result<Fields, Vec<(&'static str, String)>> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        let received = Received::of_headers(headers);
        let mut faults = Vec::new();
        Header::read(&received, &mut faults).map(|Header(read)| read).ok_or_else(|| {
            faults.into_iter().map(|fault| (fault.kind, serde_json::to_string(&fault.location).unwrap())).collect()
        })
    }

    #[test]
    fn header_fields_are_read_by_their_own_names() {
        let read = read(&[("x-token", "abc"), ("max-forwards", " 7 "), ("x-tag", "a"), ("x-tag", "b")]).unwrap();
        assert_eq!((read.x_token.as_str(), read.max_forwards), ("abc", Some(7)));
        assert_eq!(read.x_tag, ["a", "b"]);
    }

    #[test]
    fn faults_name_the_header_field() {
        assert_eq!(
            read(&[("max-forwards", "10")]).unwrap_err(),
            [
                ("missing", r#"["header","x-token"]"#.to_owned()),
                ("less_than_equal", r#"["header","max-forwards"]"#.to_owned()),
            ]
        );
    }
}
