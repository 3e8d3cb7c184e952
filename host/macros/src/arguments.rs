//! What stands in the parentheses of the attribute.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, LitInt, LitStr, Result, Token, parenthesized};

/// What stands in the parentheses of the attribute.
pub(crate) struct Arguments {
    pub(crate) cache: Expr,
    pub(crate) ttl: Option<Expr>,
    pub(crate) tags: Vec<Expr>,
    pub(crate) options: Option<Expr>,
    pub(crate) ignore: Vec<Ident>,
    pub(crate) typed: bool,
    pub(crate) version: u64,
    pub(crate) name: Option<LitStr>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut cache, mut ttl, mut options, mut name) = (None, None, None, None);
        let (mut ignore, mut tags, mut typed, mut version) = (Vec::new(), Vec::new(), false, None);
        while !input.is_empty() {
            let word: Ident = input.parse()?;
            match word.to_string().as_str() {
                "cache" => set(&mut cache, &word, value(input)?)?,
                "ttl" => set(&mut ttl, &word, value(input)?)?,
                "tag" => tags.push(value(input)?),
                "options" => set(&mut options, &word, value(input)?)?,
                "name" => set(&mut name, &word, value(input)?)?,
                "version" => set(&mut version, &word, value::<LitInt>(input)?.base10_parse()?)?,
                "typed" => typed = true,
                "ignore" => ignore.extend(names(input)?),
                other => {
                    let known = "cache, ttl, tag, options, ignore, typed, version and name";
                    return Err(Error::new(word.span(), format!("`{other}` is not known; known are {known}")));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        if options.is_some() && (ttl.is_some() || !tags.is_empty()) {
            return Err(Error::new(
                Span::call_site(),
                "time to live and tags are among the `options`: give one of both",
            ));
        }
        let cache = cache.ok_or_else(|| Error::new(Span::call_site(), "which cache? `cache = EXPRESSION` says it"))?;
        Ok(Self { cache, ttl, tags, options, ignore, typed, version: version.unwrap_or(0), name })
    }
}

/// What follows a word and an equals sign.
fn value<T: Parse>(input: ParseStream<'_>) -> Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// Names in parentheses, `self` among them.
fn names(input: ParseStream<'_>) -> Result<Punctuated<Ident, Token![,]>> {
    let list;
    parenthesized!(list in input);
    list.parse_terminated(Ident::parse_any, Token![,])
}

fn set<T>(place: &mut Option<T>, word: &Ident, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(word.span(), format!("`{word}` was given already"))),
    }
}
