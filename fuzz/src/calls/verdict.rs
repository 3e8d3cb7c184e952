//! What a call may answer.

use wasmtime::component::Val;

/// How much of arguments is shown, in bytes.
const SHOWN: usize = 4000;

/// Whether the call did what it was asked; a fault if it may not end like this.
pub(super) fn of(called: &wasmtime::Result<()>, arguments: &[Val], results: &[Val]) -> Result<bool, String> {
    if let Err(error) = called {
        return Err(format!("it trapped: {error:?}"));
    }
    let [Val::Result(Err(error))] = results else { return Ok(true) };
    let Some(Val::Variant(case, payload)) = error.as_deref() else { return Err(format!("no error is {error:?}")) };
    if !is_explained(case, arguments) {
        return Err(format!("nothing explains the error {case}: {payload:?}"));
    }
    match payload.as_deref() {
        Some(Val::String(text)) if text.trim().is_empty() => Err(format!("the error {case} does not say why")),
        Some(Val::String(text)) if text.chars().any(char::is_control) => Err(format!("the error {case} is {text:?}")),
        _ => Ok(false),
    }
}

/// Whether there is a reason for an error, where the directory is undamaged and the disk works.
fn is_explained(case: &str, arguments: &[Val]) -> bool {
    let leads_out = |argument: &Val| matches!(argument, Val::String(path) if path.contains(".."));
    match case {
        "corrupt" => false,
        "permission-denied" => arguments.iter().any(leads_out),
        _ => true,
    }
}

/// Arguments for a person to read.
pub(super) fn shown(arguments: &[Val]) -> String {
    let mut text = format!("{arguments:?}");
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(case: &str, payload: Option<Val>) -> Result<bool, String> {
        let error = Val::Variant(case.to_owned(), payload.map(Box::new));
        of(&Ok(()), &[], &[Val::Result(Err(Some(Box::new(error))))])
    }

    #[test]
    fn traps_and_errors_without_a_reason_are_faults() {
        let trapped = of(&Err(wasmtime::Trap::UnreachableCodeReached.into()), &[], &[]);
        assert!(trapped.unwrap_err().contains("it trapped"));
        let text = |text: &str| Some(Val::String(text.to_owned()));
        assert!(refused("corrupt", text("larder.db")).unwrap_err().contains("nothing explains"));
        assert!(refused("permission-denied", text("/cache")).unwrap_err().contains("nothing explains"));
        assert!(refused("full", text(" ")).unwrap_err().contains("does not say why"));
        assert!(refused("io", text("a\u{1b}[31m")).is_err());
        assert!(of(&Ok(()), &[], &[Val::Result(Err(None))]).is_err());
    }

    #[test]
    fn what_says_why_is_a_refusal_and_all_else_a_success() {
        assert_eq!(refused("full", Some(Val::String("the disk".to_owned()))), Ok(false));
        assert_eq!(refused("closed", None), Ok(false));
        let denied = Val::Variant("permission-denied".to_owned(), Some(Box::new(Val::String("a/../..".to_owned()))));
        let led_out = of(&Ok(()), &[Val::String("a/../..".to_owned())], &[Val::Result(Err(Some(Box::new(denied))))]);
        assert_eq!(led_out, Ok(false));
        assert_eq!(of(&Ok(()), &[], &[Val::Result(Ok(None))]), Ok(true));
        assert_eq!(of(&Ok(()), &[], &[Val::Bool(true)]), Ok(true));
        assert_eq!(of(&Ok(()), &[], &[]), Ok(true));
    }

    #[test]
    fn a_long_argument_is_cut_short() {
        let shown = shown(&[Val::String("é".repeat(2 * SHOWN))]);
        assert!(shown.ends_with('…') && shown.chars().count() == SHOWN + 1);
    }
}
