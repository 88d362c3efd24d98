//! How a function registers its operations: what they answer to, and what the API's document says of them.

/// Whether routers carry their part of the document. Functions do not read theirs, so only the tests, which also
/// generate `openapi.json`, ask for it by the feature `document`. The operations are the same either way.
pub const DOCUMENTED: bool = cfg!(feature = "document");

/// The operations of one path, from handlers with `#[utoipa::path]`, for `OpenApiRouter::routes`. Like
/// `utoipa_axum::routes!`, but that without the feature `document` nothing is said of them.
#[macro_export]
macro_rules! routes {
    ($($($handler:ident)::+),+ $(,)?) => {{
        use utoipa_axum::PathItemExt as _;
        let mut paths = utoipa::openapi::Paths::new();
        let mut schemas = Vec::new();
        let mut router = axum::routing::MethodRouter::new();
        $(
            let path = utoipa_axum::routes!(@path [path()] of $($handler)::+);
            let methods = utoipa_axum::routes!(@path [methods()] of $($handler)::+);
            for method in &methods {
                router = router.on(method.to_method_filter(), $($handler)::+);
            }
            if $crate::routes::DOCUMENTED {
                let mut operation = utoipa_axum::routes!(@path [operation()] of $($handler)::+);
                let tags = utoipa_axum::routes!(@path [tags()] of $($handler)::+);
                operation.tags.get_or_insert_default().extend(tags.into_iter().map(str::to_owned));
                utoipa_axum::routes!(@path [schemas(&mut schemas)] of $($handler)::+);
                paths.add_path_operation(&path, methods, operation);
            } else {
                paths.paths.entry(path).or_default();
            }
        )+
        (schemas, paths, router)
    }};
}
