//! `#[derive(Validate)]`: reads a type from untrusted input and enforces what its published schema says.
//!
//! The attributes are the ones that utoipa reads for the OpenAPI document: `#[schema(…)]` on the fields of a body and
//! `#[param(…)]` on those of a query or path. One that constrains values and that this macro does not know, or that the
//! field's type does not enforce, is a compile error, so a documented constraint is always an enforced one.

mod constraints;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Data, DeriveInput, Error, Expr, Fields, FieldsNamed, LitStr, Result, Type, parse_macro_input, spanned::Spanned,
};

use constraints::Attributes;

/// Derives `peregrine_core::validation::Validate`, and for a struct with named fields also `Model`.
///
/// A struct of named fields is read from an object:
/// - A field that may be left out has a type that says so (`Option`, `Change`), a `default = …` literal, or
///   `required = false`, which means its type's `Default`.
///
/// A struct of one unnamed field is read as that field is, with the constraints of the struct's own `#[schema(…)]`.
///
/// `#[validate(check = path)]` on the struct names a function from `&Self` to `Result<(), &'static str>`. It runs once
/// all else is sound; its error becomes a fault about the whole value.
#[proc_macro_derive(Validate, attributes(validate, schema, param))]
pub fn derive_validate(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let unsupported =
        || Error::new(input.span(), "Validate can be derived for structs of named fields, or of one field");
    let Data::Struct(data) = &input.data else { return Err(unsupported()) };
    match &data.fields {
        Fields::Named(fields) => expand_model(input, fields),
        Fields::Unnamed(fields) => match fields.unnamed.first() {
            Some(field) if fields.unnamed.len() == 1 => expand_wrapper(input, &field.ty),
            _ => Err(unsupported()),
        },
        Fields::Unit => Err(unsupported()),
    }
}

fn root() -> TokenStream {
    quote!(::peregrine_core::validation)
}

fn expand_model(input: &DeriveInput, fields: &FieldsNamed) -> Result<TokenStream> {
    let (name, root) = (&input.ident, root());
    let (mut described, mut read, mut moved) = (Vec::new(), Vec::new(), Vec::new());
    for field in &fields.named {
        let attributes = Attributes::of(&field.attrs)?;
        let (Some(ident), ty) = (&field.ident, &field.ty) else {
            return Err(Error::new(field.span(), "the field has no name"));
        };
        let wire = LitStr::new(&ident.to_string(), ident.span());
        let constraints = attributes.constraints(&root);
        let check = attributes.check_enforced(ty, &root);
        let default = attributes.value_if_absent(ty);
        described.push(quote!(#root::Field {
            name: #wire,
            repeated: <#ty as #root::Validate>::REPEATED,
            secret: <#ty as #root::Validate>::SECRET,
        }));
        read.push(quote!(#check let #ident = fields.read::<#ty>(#wire, &#constraints, #default, report);));
        moved.push(quote!(#ident: #ident?));
    }
    let check = rule(input, &quote!(&model), &quote!(&fields.masked_input()))?;

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

fn expand_wrapper(input: &DeriveInput, ty: &Type) -> Result<TokenStream> {
    let (name, root) = (&input.ident, root());
    let attributes = Attributes::of(&input.attrs)?;
    let constraints = attributes.constraints(&root);
    let enforced = attributes.check_enforced(ty, &root);
    let check = rule(input, &quote!(&value), &quote!(input))?;

    Ok(quote! {
        impl #root::Validate for #name {
            const SECRET: bool = <#ty as #root::Validate>::SECRET;

            fn validate(
                input: &#root::Input,
                _: &#root::Constraints,
                report: &mut #root::Report<'_>,
            ) -> Option<Self> {
                #enforced
                let value = Self(<#ty as #root::Validate>::validate(input, &#constraints, report)?);
                #check
                Some(value)
            }
        }
    })
}

/// The code that calls the function which the struct's `#[validate(check = …)]` names, if there is one.
fn rule(input: &DeriveInput, value: &TokenStream, shown: &TokenStream) -> Result<Option<TokenStream>> {
    let mut check: Option<Expr> = None;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("validate")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("check") {
                return Err(meta.error("Validate takes `check = path` only"));
            }
            check = Some(meta.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(check.map(|check| {
        quote! {
            if let Err(reason) = #check(#value) {
                return report.rule_broken(reason, #shown);
            }
        }
    }))
}
