//! The HTTP API's routes: which function gets a request.

use std::collections::HashSet;

use percent_encoding::percent_decode_str;

use super::yaml::{Entry, Node, Value};
use super::{Fault, Resource};

/// The HTTP API's id, which `!Ref` of it gives.
pub(crate) const API_ID: &str = "local";

/// Properties that have no effect on one machine.
const ACCOUNT_ONLY: &[&str] = &[
    "AccessLogSettings",
    "DefaultRouteSettings",
    "Description",
    "DisableExecuteApiEndpoint",
    "Domain",
    "FailOnWarnings",
    "Name",
    "PropagateTags",
    "RouteSettings",
    "Tags",
];

const METHODS: &[&str] = &["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    key: String,
    function: String,
    /// `None` is any method.
    method: Option<String>,
    /// `None` is `$default`.
    path: Option<Vec<Segment>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Parameter(String),
    /// `{name+}`: everything that follows.
    Greedy(String),
}

/// All routes of the HTTP API.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    routes: Vec<Route>,
}

impl Route {
    /// The route key, as events carry it: `ANY /items/{proxy+}` or `$default`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name of the function that serves it.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The path parameters that `path` has under this route, decoded. A greedy one keeps its slashes.
    pub fn parameters(&self, path: &str) -> Vec<(&str, String)> {
        let Some(segments) = &self.path else { return Vec::new() };
        let mut parameters = Vec::new();
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        for segment in segments {
            let (first, tail) = rest.split_once('/').unwrap_or((rest, ""));
            match segment {
                Segment::Literal(_) => {}
                Segment::Parameter(name) => parameters.push((name.as_str(), decoded(first))),
                Segment::Greedy(name) => parameters.push((name.as_str(), decoded(rest))),
            }
            rest = tail;
        }
        parameters
    }

    fn new(function: &str, method: &str, path: &str) -> Option<Self> {
        let any = method.eq_ignore_ascii_case("ANY");
        let method = method.to_ascii_uppercase();
        if path == "$default" {
            return any.then(|| Self { key: path.to_owned(), function: function.to_owned(), method: None, path: None });
        }
        let segments: Vec<Segment> = path.strip_prefix('/')?.split('/').map(segment).collect::<Option<_>>()?;
        let mut names = HashSet::new();
        let repeated = segments.iter().any(|segment| match segment {
            Segment::Literal(_) => false,
            Segment::Parameter(name) | Segment::Greedy(name) => !names.insert(name),
        });
        let greedy = segments.iter().position(|segment| matches!(segment, Segment::Greedy(_)));
        let greedy_before_the_end = greedy.is_some_and(|position| position + 1 != segments.len());
        if repeated || greedy_before_the_end || !METHODS.contains(&method.as_str()) {
            return None;
        }
        Some(Self {
            key: format!("{method} {path}"),
            function: function.to_owned(),
            method: (!any).then_some(method),
            path: Some(segments),
        })
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        if self.method.as_deref().is_some_and(|own| own != method) {
            return false;
        }
        let Some(segments) = &self.path else { return true };
        let Some(mut rest) = path.strip_prefix('/').map(Some) else { return false };
        for segment in segments {
            // `rest` is `None` once the path has no further segment; "/a/" has an empty second one.
            let Some(remaining) = rest else { return false };
            let (first, tail) = remaining.split_once('/').map_or((remaining, None), |(a, b)| (a, Some(b)));
            let fits = match segment {
                Segment::Literal(text) => percent_decode_str(first).decode_utf8_lossy() == *text,
                Segment::Parameter(_) => !first.is_empty(),
                Segment::Greedy(_) => return true,
            };
            if !fits {
                return false;
            }
            rest = tail;
        }
        rest.is_none()
    }

    /// What makes a route win over others that match: no variables, then variables, then a greedy one, then `$default`;
    /// within these the longer literal prefix, then a named method.
    fn rank(&self) -> (u8, Vec<u8>, bool) {
        let Some(segments) = &self.path else { return (0, Vec::new(), false) };
        let kinds: Vec<u8> = segments
            .iter()
            .map(|segment| match segment {
                Segment::Greedy(_) => 1,
                Segment::Parameter(_) => 2,
                Segment::Literal(_) => 3,
            })
            .collect();
        (kinds.iter().copied().min().unwrap_or_default(), kinds, self.method.is_some())
    }
}

impl Routes {
    /// The route that a request takes, as API Gateway selects it. `path` is the request's path as sent.
    pub fn find(&self, method: &str, path: &str) -> Option<&Route> {
        // The routes are sorted, best first.
        self.routes.iter().find(|route| route.matches(method, path))
    }

    /// Every route, the most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    fn add(&mut self, route: Route) -> Result<(), &Route> {
        let same = |other: &Route| other.method == route.method && shape(other) == shape(&route);
        if let Some(position) = self.routes.iter().position(same) {
            return self.routes.get(position).map_or(Ok(()), Err);
        }
        self.routes.push(route);
        self.routes.sort_by_key(|route| std::cmp::Reverse(route.rank()));
        Ok(())
    }
}

/// What a route matches, whatever its variables are called.
fn shape(route: &Route) -> Option<Vec<Option<&str>>> {
    let segments = route.path.as_ref()?;
    Some(
        segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => Some(text.as_str()),
                Segment::Parameter(_) => None,
                Segment::Greedy(_) => Some("+"),
            })
            .collect(),
    )
}

fn segment(text: &str) -> Option<Segment> {
    let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return (!text.contains(['{', '}'])).then(|| Segment::Literal(text.to_owned()));
    };
    let (name, greedy) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    if name.is_empty() || name.contains(['{', '}', '+']) {
        return None;
    }
    Some(if greedy { Segment::Greedy(name.to_owned()) } else { Segment::Parameter(name.to_owned()) })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The HTTP API that events refer to.
pub(super) struct HttpApi<'a> {
    id: &'a str,
}

impl<'a> HttpApi<'a> {
    pub(super) fn read(resource: &Resource<'a>, globals: Option<&Node>) -> Result<Self, Fault> {
        for holder in [globals, resource.properties].into_iter().flatten() {
            for (key, node) in holder.entries("Properties")? {
                match key.text.as_str() {
                    "StageName" if node.scalar() == Some("$default") => {}
                    "StageName" => {
                        return Err(Fault::at(node.line, "the stage must be `$default`: others stay in the path"));
                    }
                    name if ACCOUNT_ONLY.contains(&name) => {}
                    other => {
                        let message = format!("the local cloud does not support `{other}` of an HTTP API");
                        return Err(Fault::at(key.line, message));
                    }
                }
            }
        }
        Ok(Self { id: resource.id })
    }
}

/// Adds the route of a function's event, which stands at `line`.
pub(super) fn read(
    event: &str,
    line: usize,
    properties: &[Entry],
    function: &str,
    api: Option<&HttpApi<'_>>,
    routes: &mut Routes,
) -> Result<(), Fault> {
    let mut method = None;
    let mut path = None;
    for (key, node) in properties {
        match key.text.as_str() {
            "ApiId" => check_api(node, api)?,
            "Method" => method = node.scalar(),
            "Path" => path = node.scalar(),
            "PayloadFormatVersion" if node.scalar() == Some("2.0") => {}
            "RouteSettings" => {}
            other => {
                let message = format!("the local cloud does not support `{other}` of a route");
                return Err(Fault::at(key.line, message));
            }
        }
    }
    let (Some(method), Some(path)) = (method, path) else {
        return Err(Fault::at(line, format!("the route `{event}` needs `Path` and `Method`")));
    };
    let route = Route::new(function, method, path)
        .ok_or_else(|| Fault::at(line, format!("`{method} {path}` is not a route")))?;
    routes.add(route).map_err(|existing| {
        let message = format!("`{method} {path}` is routed to `{}` already", existing.function());
        Fault::at(line, message)
    })
}

fn check_api(node: &Node, api: Option<&HttpApi<'_>>) -> Result<(), Fault> {
    let reference = match &node.value {
        Value::Call { function, argument } if function == "Ref" => argument.scalar(),
        _ => None,
    };
    match (reference, api) {
        (Some(reference), Some(api)) if reference == api.id => Ok(()),
        _ => Err(Fault::at(node.line, "`ApiId` must refer to the template's AWS::Serverless::HttpApi")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    fn routes(list: &[(&str, &str)]) -> Routes {
        let mut routes = Routes::default();
        for (key, function) in list {
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
            routes.add(Route::new(function, method, path).unwrap()).unwrap();
        }
        routes
    }

    fn found(routes: &Routes, method: &str, path: &str) -> String {
        routes.find(method, path).map_or_else(|| "none".to_owned(), |route| route.function().to_owned())
    }

    #[test]
    fn the_most_specific_route_wins_whatever_the_order() {
        let routes = routes(&[
            ("$default", "default"),
            ("ANY /{proxy+}", "root"),
            ("ANY /pets/{proxy+}", "pets"),
            ("GET /pets/{kind}/1", "parameter"),
            ("ANY /pets/dog/1", "any"),
            ("GET /pets/dog/1", "exact"),
        ]);
        assert_eq!(found(&routes, "GET", "/pets/dog/1"), "exact");
        assert_eq!(found(&routes, "POST", "/pets/dog/1"), "any");
        assert_eq!(found(&routes, "GET", "/pets/cat/1"), "parameter");
        assert_eq!(found(&routes, "PUT", "/pets/cat/1"), "pets");
        assert_eq!(found(&routes, "GET", "/pets/cat/2"), "pets");
        assert_eq!(found(&routes, "GET", "/pets"), "root");
        assert_eq!(found(&routes, "GET", "*"), "default");
    }

    #[test]
    fn without_a_matching_route_there_is_none() {
        let routes = routes(&[("GET /a", "a"), ("ANY /b/{proxy+}", "b")]);
        for (method, path) in [("POST", "/a"), ("GET", "/a/"), ("GET", "/"), ("GET", "/b"), ("GET", "/a/b")] {
            assert_eq!(found(&routes, method, path), "none", "{method} {path}");
        }
    }

    #[test]
    fn a_greedy_parameter_may_be_empty_after_a_slash() {
        let routes = routes(&[("ANY /users", "bare"), ("ANY /users/{proxy+}", "below")]);
        assert_eq!(found(&routes, "GET", "/users"), "bare");
        assert_eq!(found(&routes, "GET", "/users/"), "below");
        assert_eq!(found(&routes, "GET", "/users/a/b"), "below");
        assert_eq!(found(&routes, "GET", "/usersx"), "none");
    }

    #[test]
    fn parameters_are_decoded() {
        let routes = routes(&[("GET /a/{x}/b/{rest+}", "a")]);
        let path = "/a/1%202/b/c/d%2Fe";
        let route = routes.find("GET", path).unwrap();
        assert_eq!(route.key(), "GET /a/{x}/b/{rest+}");
        assert_eq!(route.parameters(path), [("x", "1 2".to_owned()), ("rest", "c/d/e".to_owned())]);
    }

    #[test]
    fn literals_are_compared_decoded() {
        let routes = routes(&[("ANY /api/v1/items", "items")]);
        assert_eq!(found(&routes, "GET", "/api/v1/%69tems"), "items");
    }

    fn error(events: &str) -> String {
        let text = format!(
            "Resources:\n  Api:\n    Type: AWS::Serverless::HttpApi\n  Fn:\n    Type: AWS::Serverless::Function\n    \
             Properties:\n      CodeUri: target/lambda/fn/bootstrap.zip\n      Events:\n{events}"
        );
        Template::parse(&text, "template.yaml").expect_err("the template has a fault").to_string()
    }

    #[test]
    fn faulty_events_name_their_line() {
        let route = |name: &str, path: &str| {
            format!(
                "        {name}: {{ Type: HttpApi, Properties: {{ ApiId: !Ref Api, Path: '{path}', Method: GET }} }}\n"
            )
        };
        assert_eq!(
            error(&format!("{}{}", route("A", "/x/{id}"), route("B", "/x/{name}"))),
            "template.yaml:10: `GET /x/{name}` is routed to `fn` already"
        );
        for path in ["x", "/{}", "/{+}", "/{a}/{a}", "/{a}/{a+}", "/{a+}/b", "/{a{b}"] {
            assert_eq!(error(&route("A", path)), format!("template.yaml:9: `GET {path}` is not a route"));
        }
        assert_eq!(error("        A: { Type: S3 }\n"), "template.yaml:9: the local cloud does not provide S3 events");
        assert_eq!(
            error("        A: { Type: HttpApi, Properties: { Path: /x } }\n"),
            "template.yaml:9: the route `A` needs `Path` and `Method`"
        );
        assert_eq!(
            error("        A: { Type: HttpApi, Properties: { ApiId: !Ref Fn, Path: /x, Method: GET } }\n"),
            "template.yaml:9: `ApiId` must refer to the template's AWS::Serverless::HttpApi"
        );
    }
}
