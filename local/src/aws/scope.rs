//! Who sends a request, and to which service: the credential of its signature says so.

use hyper::{HeaderMap, header};

/// The credential of a signature, as far as it matters here. The signature itself is not checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) access_key: String,
    pub(crate) service: String,
}

/// The credential of a Signature Version 4, from the `Authorization` header or, for a presigned URL, from the query.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html>
pub(crate) fn credential(headers: &HeaderMap, query: Option<&str>) -> Option<Credential> {
    let credential = match headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        Some(authorization) => authorization
            .strip_prefix("AWS4-HMAC-SHA256")?
            .split(',')
            .find_map(|part| part.trim().strip_prefix("Credential="))?
            .to_owned(),
        None => url::form_urlencoded::parse(query?.as_bytes())
            .find_map(|(name, value)| (name == "X-Amz-Credential").then(|| value.into_owned()))?,
    };
    // access key / date / region / service / "aws4_request". An access key has no slash.
    let mut parts = credential.split('/');
    let access_key = parts.next()?.to_owned();
    let service = parts.nth(2).filter(|service| !service.is_empty())?.to_owned();
    (parts.next() == Some("aws4_request")).then_some(Credential { access_key, service })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(authorization: Option<&str>, query: Option<&str>) -> Option<Credential> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        credential(&headers, query)
    }

    fn akid_for(service: &str) -> Credential {
        Credential { access_key: "AKID".to_owned(), service: service.to_owned() }
    }

    #[test]
    fn a_signed_request_names_its_sender_and_its_service() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20261120/us-east-1/dynamodb/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=abc";
        assert_eq!(of(Some(header), None), Some(akid_for("dynamodb")));
        let compact =
            "AWS4-HMAC-SHA256 SignedHeaders=host,Credential=AKID/20261120/us-east-1/sqs/aws4_request,Signature=a";
        assert_eq!(of(Some(compact), None), Some(akid_for("sqs")));
    }

    #[test]
    fn a_presigned_url_names_its_sender_and_its_service() {
        let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20261120%2Fus-east-1%2Fs3%2Faws4_request";
        assert_eq!(of(None, Some(query)), Some(akid_for("s3")));
    }

    #[test]
    fn other_requests_have_no_scope() {
        assert_eq!(of(None, None), None);
        assert_eq!(of(Some("Bearer abc"), None), None);
        assert_eq!(of(Some("AWS4-HMAC-SHA256 Credential=AKID/20261120/us-east-1"), None), None);
        assert_eq!(of(Some("AWS4-HMAC-SHA256 Credential=AKID/1/2/s3/other"), None), None);
    }
}
