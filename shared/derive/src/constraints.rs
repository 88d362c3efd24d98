//! What the attributes of a field, or of a type that wraps one value, say.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::{Attribute, Expr, ExprLit, Lit, LitBool, LitInt, LitStr, Result, Token, Type};

/// Attributes that say nothing about which values are allowed.
const DOCUMENTATION: [&str; 8] =
    ["example", "examples", "title", "description", "format", "value_type", "inline", "style"];

#[derive(Default)]
pub(crate) struct Attributes {
    default: Option<ExprLit>,
    optional: bool,
    min_length: Option<LitInt>,
    max_length: Option<LitInt>,
    minimum: Option<LitInt>,
    maximum: Option<LitInt>,
    max_items: Option<LitInt>,
    pattern: Option<LitStr>,
}

impl Attributes {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("schema") || attribute.path().is_ident("param") {
                attribute.parse_nested_meta(|meta| found.read(&meta))?;
            }
        }
        Ok(found)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match name.as_str() {
            "min_length" => self.min_length = Some(meta.value()?.parse()?),
            "max_length" => self.max_length = Some(meta.value()?.parse()?),
            "minimum" => self.minimum = Some(meta.value()?.parse()?),
            "maximum" => self.maximum = Some(meta.value()?.parse()?),
            "max_items" => self.max_items = Some(meta.value()?.parse()?),
            "pattern" => {
                let pattern: LitStr = meta.value()?.parse()?;
                regex_lite::Regex::new(&pattern.value()).map_err(|error| syn::Error::new(pattern.span(), error))?;
                self.pattern = Some(pattern);
            }
            // A literal, so that the value that is published is the one that is taken.
            "default" => match meta.value()?.parse()? {
                Expr::Lit(literal) => self.default = Some(literal),
                other => return Err(syn::Error::new_spanned(other, "Validate takes literals as defaults only")),
            },
            "required" => self.optional = !meta.value()?.parse::<LitBool>()?.value,
            documentation if DOCUMENTATION.contains(&documentation) => skip_value(meta.input)?,
            _ => {
                let message = format!("`{name}` would be published and not enforced: Validate does not know it");
                return Err(meta.error(message));
            }
        }
        Ok(())
    }

    /// A `Constraints` expression.
    pub(crate) fn constraints(&self, root: &TokenStream) -> TokenStream {
        let mut set = Vec::new();
        for (name, value) in [
            ("min_length", &self.min_length),
            ("max_length", &self.max_length),
            ("minimum", &self.minimum),
            ("maximum", &self.maximum),
            ("max_items", &self.max_items),
        ] {
            if let Some(value) = value {
                let name = syn::Ident::new(name, value.span());
                set.push(quote!(#name: Some(#value)));
            }
        }
        if let Some(pattern) = &self.pattern {
            set.push(quote!(pattern: Some({
                static REGEX: ::std::sync::LazyLock<#root::Regex> = ::std::sync::LazyLock::new(|| {
                    #root::Regex::new(#pattern).expect("the derive macro has compiled it")
                });
                #root::Pattern { source: #pattern, regex: &REGEX }
            })));
        }
        quote!(#root::Constraints { #(#set,)* ..#root::Constraints::NONE })
    }

    /// Checks at compile time that the type enforces what is asked of it.
    pub(crate) fn check_enforced(&self, ty: &Type, root: &TokenStream) -> TokenStream {
        let asked = [
            ("text", self.min_length.is_some() || self.max_length.is_some() || self.pattern.is_some()),
            ("range", self.minimum.is_some() || self.maximum.is_some()),
            ("items", self.max_items.is_some()),
        ];
        let checks = asked.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| {
            let message = format!("the type of this field does not enforce constraints of its {name}");
            let name = syn::Ident::new(name, proc_macro2::Span::call_site());
            quote!(const { assert!(<#ty as #root::Validate>::ENFORCES.#name, #message) };)
        });
        quote!(#(#checks)*)
    }

    /// An `Option<fn() -> T>` expression.
    pub(crate) fn value_if_absent(&self, ty: &Type) -> TokenStream {
        match &self.default {
            Some(ExprLit { lit: Lit::Str(text), .. }) => quote!(Some(|| <#ty>::from(#text))),
            Some(literal) => quote!(Some(|| #literal)),
            None if self.optional => quote!(Some(<#ty as Default>::default)),
            None => quote!(None),
        }
    }
}

/// Skips `= value`, `(…)` or nothing.
fn skip_value(input: ParseStream<'_>) -> Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        // A group is one token tree, so the commas inside it are skipped with it.
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
