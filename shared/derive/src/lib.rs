//! `#[derive(Validate)]`: reads a struct from untrusted input and enforces what its published schema says.
//!
//! The attributes are the ones that utoipa reads for the OpenAPI document: `#[schema(…)]` on the fields of a body and
//! `#[param(…)]` on those of a query or path. One that constrains values and that this macro can't enforce is a
//! compile error, so a documented constraint is always an enforced one.

mod constraints;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Expr, Fields, LitStr, Result, parse_macro_input, spanned::Spanned};

use constraints::Attributes;

/// Derives `peregrine_core::validation::Validate` and `Model` for a struct with named fields.
///
/// - A field that may be left out has a type that says so (`Option`, `Change`), a `default = …` literal, or
///   `required = false`, which means its type's `Default`.
/// - `#[validate(rename = "…")]` gives a field its name on the wire.
/// - `#[validate(check = path)]` on the struct names a function from `&Self` to `Result<(), &'static str>`. It runs once
///   all fields are sound; its error becomes a fault about the whole object.
#[proc_macro_derive(Validate, attributes(validate, schema, param))]
pub fn derive_validate(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.span(), "Validate can be derived for structs only"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new(input.span(), "Validate can be derived for structs with named fields only"));
    };

    let name = &input.ident;
    let root = quote!(::peregrine_core::validation);
    let mut described = Vec::new();
    let mut read = Vec::new();
    let mut moved = Vec::new();
    for field in &fields.named {
        let attributes = Attributes::of(&field.attrs)?;
        let (ident, ty) = (&field.ident, &field.ty);
        let wire = match (&attributes.rename, ident) {
            (Some(rename), _) => rename.clone(),
            (None, Some(ident)) => LitStr::new(&ident.to_string(), ident.span()),
            (None, None) => return Err(Error::new(field.span(), "the field has no name")),
        };
        let constraints = attributes.constraints(&root);
        let default = attributes.value_if_absent(ty);
        described.push(quote!(#root::Field {
            name: #wire,
            repeated: <#ty as #root::Validate>::REPEATED,
            secret: <#ty as #root::Validate>::SECRET,
        }));
        read.push(quote!(let #ident = fields.read::<#ty>(#wire, &#constraints, #default, report);));
        moved.push(quote!(#ident: #ident?));
    }
    let check = check_of(input)?.map(|check| {
        quote! {
            if let Err(reason) = #check(&model) {
                return report.rule_broken(reason, &fields.masked_input());
            }
        }
    });

    Ok(quote! {
        impl #root::Model for #name {
            const FIELDS: &'static [#root::Field] = &[#(#described),*];
        }

        impl #root::Validate for #name {
            fn validate(
                input: &#root::Input,
                _: &#root::Constraints,
                report: &mut #root::Report<'_>,
            ) -> Option<Self> {
                let fields = #root::Fields::of(input, <Self as #root::Model>::FIELDS, report)?;
                #(#read)*
                let model = Self { #(#moved),* };
                #check
                Some(model)
            }
        }
    })
}

/// The `#[validate(check = …)]` of the struct.
fn check_of(input: &DeriveInput) -> Result<Option<Expr>> {
    let mut check = None;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("validate")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("check") {
                return Err(meta.error("a struct takes `check = path` only"));
            }
            check = Some(meta.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(check)
}
