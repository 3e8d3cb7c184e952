//! The attribute `memoize` of the crate `larder`, which documents it.

mod arguments;
mod expansion;

use proc_macro::TokenStream;
use syn::{ItemFn, parse_macro_input};

use arguments::Arguments;

// Documented where it is offered, since only there its example can be tested.
#[allow(missing_docs, reason = "see above")]
#[proc_macro_attribute]
pub fn memoize(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments as Arguments);
    let function = parse_macro_input!(item as ItemFn);
    expansion::expand(&arguments, function).unwrap_or_else(syn::Error::into_compile_error).into()
}
