//! Who may look into the local cloud: whoever calls this machine by a name of its own.

use hyper::Request;
use hyper::header::{HOST, HeaderValue, ORIGIN};

use super::event::Host;

/// Why a request for `/_local` is refused, if it is.
///
/// What is shown there is as good as a password: mails with links that confirm and reset. A browser keeps pages of
/// other origins from reading it, but not a page whose own name was made to lead here (DNS rebinding), which that name
/// in `Host` gives away. Nor does it keep any page from sending a request that changes something; but then it says in
/// `Origin` where the page is from.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<&'static str> {
    let headers = request.headers();
    if !Host::of(headers).is_some_and(|host| host.is_of_this_machine()) {
        return Some(
            "/_local can only be reached as 127.0.0.1, localhost or [::1], so that no web page can read it whose own \
             name was made to lead to this machine",
        );
    }
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    let own = |origin: &HeaderValue| origin.as_bytes().strip_prefix(b"http://") == host;
    if !request.method().is_safe() && !headers.get_all(ORIGIN).iter().all(own) {
        return Some("no web page of another origin may change anything in /_local");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(method: &str, headers: &[(&str, &str)]) -> bool {
        let request = Request::builder().method(method).uri("/_local/mail");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        refusal(&request.body(()).unwrap()).is_some()
    }

    #[test]
    fn only_names_of_this_machine_lead_to_it() {
        for method in ["GET", "POST", "DELETE"] {
            for host in ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "LocalHost", "[::1]", "[::1]:8000"] {
                assert!(!is_refused(method, &[("host", host)]), "{method} {host}");
            }
            for host in ["", "example.com:8000", "localhost.example.com", "127.0.0.1.example.com", "[::2]", "10.0.0.1"]
            {
                assert!(is_refused(method, &[("host", host)]), "{method} {host}");
            }
            assert!(is_refused(method, &[]), "{method}");
            assert!(is_refused(method, &[("host", "localhost"), ("host", "example.com")]), "{method}");
            // A foreign name that was made to lead here.
            assert!(is_refused(method, &[("host", "example.com:8000"), ("origin", "http://example.com:8000")]));
        }
    }

    #[test]
    fn no_page_of_another_origin_changes_anything() {
        let host = ("host", "localhost:8000");
        let own = ("origin", "http://localhost:8000");
        for method in ["POST", "DELETE"] {
            assert!(!is_refused(method, &[host, own]), "{method}");
            for origin in ["http://example.com", "null", "https://localhost:8000", "http://localhost:3000"] {
                assert!(is_refused(method, &[host, ("origin", origin)]), "{method} {origin}");
                assert!(is_refused(method, &[host, own, ("origin", origin)]), "{method} {origin}");
            }
        }
        // Whether such a page may read the answer is the browser's to say, and nothing here tells it so.
        assert!(!is_refused("GET", &[host, ("origin", "http://example.com")]));
    }
}
