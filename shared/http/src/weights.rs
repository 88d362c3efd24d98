//! What clients prefer: the elements of `Accept` and its like, with their weights (RFC 9110 section 12.4.2).

use axum::http::header::AsHeaderName;
use axum::http::{HeaderMap, HeaderValue};

/// The elements of a header field and their weights in thousandths, 1,000 where none is given. Elements whose weight is
/// malformed are left out, as if they had not been sent; other parameters don't matter.
pub(crate) fn weighted(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = (&str, u16)> {
    let values = headers.get_all(name).into_iter().filter_map(as_text);
    values.flat_map(|list| list.split(',')).filter_map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let value = parts.next()?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some((value, weight.map_or(Some(1000), thousandths)?))
    })
}

fn as_text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// A weight from 0 to 1 with up to three decimal places, times 1,000.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT;

    use super::*;

    #[test]
    fn elements_have_the_weight_that_they_are_given_and_none_that_is_malformed() {
        let headers = HeaderMap::from_iter([(
            ACCEPT,
            HeaderValue::from_static("a, b;q=0.5,c ; Q=0.001, d;v=1;q=0, e;q=2, f;q=0.1234, g;q=, h;q=-1, i;q=1.000"),
        )]);
        let read: Vec<_> = weighted(&headers, ACCEPT).collect();
        assert_eq!(read, [("a", 1000), ("b", 500), ("c", 1), ("d", 0), ("i", 1000)]);
    }
}
