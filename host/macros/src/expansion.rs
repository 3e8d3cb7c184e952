//! What becomes of the function.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, FnArg, GenericParam, Ident, ItemFn, Pat, Result, ReturnType, Type, TypePath, parse_quote};

use crate::arguments::Arguments;

/// An argument of the function.
struct Parameter {
    name: Ident,
    kind: TokenStream,
}

/// The function with its body replaced by one that asks the cache first.
pub(crate) fn expand(arguments: &Arguments, mut function: ItemFn) -> Result<TokenStream> {
    let parameters = parameters(&function)?;
    for ignored in &arguments.ignore {
        if !parameters.iter().any(|parameter| parameter.name == *ignored) {
            return Err(Error::new(ignored.span(), format!("there is no argument `{ignored}`")));
        }
    }
    refuse_what_can_not_be_kept(&function)?;
    refuse_generic_without_types(arguments, &function)?;
    let counting: Vec<&Parameter> =
        parameters.iter().filter(|parameter| !arguments.ignore.contains(&parameter.name)).collect();
    let (key, options) = (key(arguments, &function, &counting), options(arguments));
    let (cache, body, output) = (&arguments.cache, &function.block, &function.sig.output);
    // No variable is made, which the body might see.
    let call = match (returns_result(output), function.sig.asyncness.is_some()) {
        (false, false) => quote!(run(&#cache, #key, &#options, move || #output #body)),
        (true, false) => quote!(run_result(&#cache, #key, &#options, move || #output #body)),
        (false, true) => quote!(run_async(&#cache, #key, &#options, move || async move #body).await),
        (true, true) => quote!(run_result_async(&#cache, #key, &#options, move || async move #body).await),
    };
    function.block = parse_quote!({ ::larder::__memoize::#call });
    Ok(function.into_token_stream())
}

/// An expression for the key of a call.
fn key(arguments: &Arguments, function: &ItemFn, counting: &[&Parameter]) -> TokenStream {
    let names: Vec<&Ident> = counting.iter().map(|parameter| &parameter.name).collect();
    // What the arguments are called and of which type: another signature is another function.
    let signature = counting
        .iter()
        .map(|Parameter { name, kind }| format!("{name}: {kind}"))
        .chain([function.sig.output.to_token_stream().to_string()])
        .collect::<Vec<_>>()
        .join(", ");
    let types = names.iter().filter(|_| arguments.typed).map(|name| quote!(::std::any::type_name_of_val(&#name)));
    // With the functions that this one is inside of, which `module_path!` does not tell.
    let path = quote!({
        fn here() {}
        ::std::any::type_name_of_val(&here).trim_end_matches("::here")
    });
    let name = arguments.name.as_ref().map_or(path, ToTokens::to_token_stream);
    let version = arguments.version;
    quote!(::larder::__memoize::key(#name, #signature, #version, &[#(#types),*], &(#(&#names,)*)))
}

/// An expression for how the value is kept.
fn options(arguments: &Arguments) -> TokenStream {
    let Arguments { options, ttl, tags, .. } = arguments;
    let base = match (options, ttl) {
        (Some(options), _) => quote!(::larder::MemoOptions::from(#options)),
        (None, Some(ttl)) => quote!(::larder::MemoOptions::new().ttl(#ttl)),
        (None, None) => quote!(::larder::MemoOptions::new()),
    };
    quote!(#base #(.tag(#tags))*)
}

/// Whether a function returns something that is called a `Result`.
fn returns_result(output: &ReturnType) -> bool {
    let ReturnType::Type(_, kind) = output else { return false };
    let Type::Path(TypePath { path, .. }) = &**kind else { return false };
    path.segments.last().is_some_and(|last| last.ident == "Result")
}

fn parameters(function: &ItemFn) -> Result<Vec<Parameter>> {
    let parameter = |argument: &FnArg| match argument {
        FnArg::Receiver(receiver) => {
            let name = Ident::new("self", receiver.self_token.span);
            Ok(Parameter { name, kind: receiver.ty.to_token_stream() })
        }
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(name) => Ok(Parameter { name: name.ident.clone(), kind: typed.ty.to_token_stream() }),
            pattern => Err(Error::new_spanned(pattern, "give the argument a name, and take it apart inside")),
        },
    };
    function.sig.inputs.iter().map(parameter).collect()
}

/// Says in words what the compiler would say in terms of serde.
fn refuse_what_can_not_be_kept(function: &ItemFn) -> Result<()> {
    if let Some(constant) = &function.sig.constness {
        return Err(Error::new_spanned(constant, "a function that asks a cache can not be `const`"));
    }
    if cfg!(not(feature = "async"))
        && let Some(asynchronous) = &function.sig.asyncness
    {
        return Err(Error::new_spanned(asynchronous, "to memoize this, `larder` needs its feature `async`"));
    }
    let ReturnType::Type(_, kind) = &function.sig.output else { return Ok(()) };
    match &**kind {
        Type::Reference(reference) => Err(Error::new_spanned(
            reference,
            "what comes from a cache is owned: return a `String` rather than a `&str`",
        )),
        Type::ImplTrait(anonymous) => {
            Err(Error::new_spanned(anonymous, "name the type: what is kept has to be read as the type it was"))
        }
        _ => Ok(()),
    }
}

fn refuse_generic_without_types(arguments: &Arguments, function: &ItemFn) -> Result<()> {
    let is_generic = function.sig.generics.params.iter().any(|one| !matches!(one, GenericParam::Lifetime(_)));
    let takes_any =
        function.sig.inputs.iter().any(
            |argument| matches!(argument, FnArg::Typed(typed) if typed.ty.to_token_stream().into_iter().any(is_impl)),
        );
    if (is_generic || takes_any) && !arguments.typed {
        let text = "a generic function: arguments of different types may look the same; add `typed`";
        return Err(Error::new_spanned(&function.sig.ident, text));
    }
    Ok(())
}

fn is_impl(token: proc_macro2::TokenTree) -> bool {
    match token {
        proc_macro2::TokenTree::Ident(word) => word == "impl",
        proc_macro2::TokenTree::Group(group) => group.stream().into_iter().any(is_impl),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the compiler would say; nothing if it goes well.
    fn complaint(arguments: &str, function: &str) -> String {
        let function = syn::parse_str(function).unwrap();
        let expanded = syn::parse_str(arguments).and_then(|arguments| expand(&arguments, function));
        expanded.err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn mistakes_are_told_in_words() {
        let plain = "fn f(a: u32, b: &str) -> u32 { 1 }";
        for (arguments, function, complaint_of) in [
            ("", plain, "which cache?"),
            ("ttl = TTL", plain, "which cache?"),
            ("cache = C, cache = C", plain, "`cache` was given already"),
            ("cache = C, time = T", plain, "`time` is not known; known are cache, ttl, tag, options"),
            ("cache = C, ttl = T, options = O", plain, "among the `options`"),
            ("cache = C, tag = T, options = O", plain, "among the `options`"),
            ("cache = C, ignore(c)", plain, "there is no argument `c`"),
            ("cache = C, ignore(self)", plain, "there is no argument `self`"),
            ("cache = C, version = \"x\"", plain, "integer"),
            ("cache C", plain, "expected `=`"),
            ("cache = C", "fn f((a, b): (u32, u32)) -> u32 { 1 }", "give the argument a name"),
            ("cache = C", "const fn f() -> u32 { 1 }", "can not be `const`"),
            ("cache = C", "fn f(a: &str) -> &str { a }", "return a `String`"),
            ("cache = C", "fn f() -> impl Copy { 1 }", "name the type"),
            ("cache = C", "fn f<T>(a: T) -> u32 { 1 }", "add `typed`"),
            ("cache = C", "fn f(a: Vec<impl Copy>) -> u32 { 1 }", "add `typed`"),
        ] {
            let said = complaint(arguments, function);
            assert!(said.contains(complaint_of), "{arguments}: {said:?}");
        }
    }

    #[test]
    fn what_is_meant_is_taken() {
        for (arguments, function) in [
            ("cache = C", "fn f() {}"),
            ("cache = &C, ttl = T, tag = \"a\", tag = b, version = 3, name = \"n\",", "fn f(mut a: u32) -> R { 1 }"),
            ("cache = self.cache, ignore(self)", "fn f(&self, a: u32) -> io::Result<u32> { Ok(1) }"),
            ("cache = C, typed", "fn f<T>(a: T, b: impl Copy) -> u32 { 1 }"),
            ("cache = C", "fn f<'a>(a: &'a str) -> u32 { 1 }"),
        ] {
            assert_eq!(complaint(arguments, function), "", "{arguments}");
        }
    }

    #[test]
    fn asynchronous_functions_need_the_feature() {
        let said = complaint("cache = C", "async fn f() -> u32 { 1 }");
        assert_eq!(said.is_empty(), cfg!(feature = "async"), "{said}");
    }
}
