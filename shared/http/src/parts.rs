//! The parts of a request that [`Valid`](crate::request::Valid) reads: path, query, JSON body and form.

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

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// A form, URL-encoded or multipart.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: Model> Part for Path<T> {
    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        collect(validate(&object_of(&received.path), Origin::Parameters, "path"), faults).map(Self)
    }
}

impl<T: Model> Part for Query<T> {
    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        let object = urlencoded::query::<T>(&received.query);
        collect(validate(&object, Origin::Parameters, "query"), faults).map(Self)
    }
}

impl<T: Validate> Part for Body<T> {
    const BODY: BodyKind = BodyKind::Json;

    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        if let ReceivedBody::Json(body) = &received.body {
            return collect(validate(body, Origin::Json, "body"), faults).map(Self);
        }
        faults.push(Fault {
            kind: "missing",
            location: vec![Segment::Name(Cow::Borrowed("body"))],
            message: "Field required".to_owned(),
            input: Input::Null,
            context: None,
        });
        None
    }
}

impl<T: Model> Part for Form<T> {
    const BODY: BodyKind = BodyKind::Form;

    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        let fields = if let ReceivedBody::Form(fields) = &received.body { fields.as_slice() } else { &[] };
        collect(validate(&urlencoded::form::<T>(fields), Origin::Parameters, "body"), faults).map(Self)
    }
}

fn collect<T>(read: Result<T, Vec<Fault>>, faults: &mut Vec<Fault>) -> Option<T> {
    read.map_err(|found| faults.extend(found)).ok()
}
