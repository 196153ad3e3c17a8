//! One call of one codec, in an engine made for it.

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::context::{EvalOptions, intrinsic};
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Function, Runtime, Value};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::{Answer, Call, Refusal};
use crate::{
    MAX_INPUT_BYTES, MAX_OUTPUT_BYTES, MAX_SOURCE_BYTES, MAX_STEPS, MEMORY_BYTES, STACK_BYTES,
};

/// What a codec finds: the language, without clocks, timers and references that look at the collector.
type Language = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
);

const PRELUDE: &str = include_str!("prelude.js");
/// How much of what a codec or the engine says about a failure is passed on.
const MAX_DETAIL_CHARS: usize = 300;

/// Runs a codec on a message. The same source and call have the same answer, always.
#[must_use]
pub fn run(source: &str, call: &Call<'_>) -> Answer {
    let outcome = if source.len() > MAX_SOURCE_BYTES || call.len() > MAX_INPUT_BYTES {
        Err(Failure::from(Refusal::TooLarge))
    } else {
        attempt(source, call)
    };
    match outcome {
        Ok(data) => Answer::Data(data),
        Err(failure) => Answer::Refused {
            refusal: failure.refusal,
            detail: failure.detail.chars().take(MAX_DETAIL_CHARS).collect(),
        },
    }
}

struct Failure {
    refusal: Refusal,
    detail: String,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            detail: String::new(),
        }
    }
}

fn attempt(source: &str, call: &Call<'_>) -> Result<String, Failure> {
    let steps = Rc::new(Cell::new(0_u32));
    let runtime = Runtime::new().map_err(|_| Refusal::TooMuchMemory)?;
    runtime.set_memory_limit(MEMORY_BYTES);
    runtime.set_max_stack_size(STACK_BYTES);
    let counted = Rc::clone(&steps);
    runtime.set_interrupt_handler(Some(Box::new(move || {
        counted.set(counted.get().saturating_add(1));
        counted.get() > MAX_STEPS
    })));
    let context = Context::custom::<Language>(&runtime).map_err(|_| Refusal::TooMuchMemory)?;
    let said = context
        .with(|ctx| said(&ctx, source, call))
        .map_err(|failure| match steps.get() > MAX_STEPS {
            true => Refusal::TooLong.into(),
            false => failure,
        })?;
    data(call, &said)
}

/// What the codec's function returns, as JSON.
fn said(ctx: &Ctx<'_>, source: &str, call: &Call<'_>) -> Result<String, Failure> {
    let broken = |failure| as_broken(failure, Refusal::Broken);
    let prelude: Function<'_> = ctx.eval(PRELUDE).catch(ctx).map_err(broken)?;
    let ask: Function<'_> = prelude.call((moment(call),)).catch(ctx).map_err(broken)?;
    let input = ctx
        .json_parse(input(call).to_string())
        .catch(ctx)
        .map_err(broken)?;
    let mut options = EvalOptions::default();
    // As the platforms run codecs for which they were written.
    options.strict = false;
    ctx.eval_with_options::<Value<'_>, _>(source, options)
        .catch(ctx)
        .map_err(broken)?;
    let name = match call {
        Call::DecodeUplink { .. } => "decodeUplink",
        Call::Decode { .. } => "decode",
    };
    // A `const` is no property of the global object, so it is looked up by evaluation.
    let found = format!("typeof {name} === 'function' ? {name} : undefined");
    let function = ctx
        .eval::<Value<'_>, _>(found)
        .ok()
        .and_then(|it| it.into_function())
        .ok_or(Refusal::NoFunction)?;
    let threw = |failure| as_broken(failure, Refusal::Threw);
    let said: Value<'_> = ask.call((function, input)).catch(ctx).map_err(threw)?;
    let said = ctx.json_stringify(said).catch(ctx).map_err(threw)?;
    let said = said.ok_or(Refusal::NoData)?;
    said.to_string().map_err(|_| Refusal::NoData.into())
}

/// The moment of the message: the codec has no other.
fn moment<'a>(call: &'a Call<'_>) -> &'a str {
    match call {
        Call::DecodeUplink { received_at, .. } => received_at.as_deref().unwrap_or_default(),
        Call::Decode { .. } => "",
    }
}

fn input(call: &Call<'_>) -> serde_json::Value {
    match call {
        Call::DecodeUplink {
            bytes,
            f_port,
            received_at,
        } => {
            let mut input = serde_json::json!({"bytes": bytes.as_ref(), "fPort": f_port});
            if let (Some(at), Some(input)) = (received_at, input.as_object_mut()) {
                input.insert("recvTime".to_owned(), at.as_ref().into());
            }
            input
        }
        Call::Decode { topic, bytes } => {
            serde_json::json!({"topic": topic.as_ref(), "bytes": bytes.as_ref()})
        }
    }
}

fn as_broken(caught: CaughtError<'_>, otherwise: Refusal) -> Failure {
    let detail = match &caught {
        CaughtError::Exception(exception) => exception.message().unwrap_or_default(),
        CaughtError::Value(value) => value
            .as_string()
            .and_then(|it| it.to_string().ok())
            .unwrap_or_default(),
        CaughtError::Error(err) => err.to_string(),
    };
    let refusal = match detail.as_str() {
        "out of memory" => Refusal::TooMuchMemory,
        _ => otherwise,
    };
    Failure { refusal, detail }
}

/// What a codec returns (TS013-1.0.0 section 4.1); `warnings` and whatever else is there are not looked at.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
}

fn data(call: &Call<'_>, said: &str) -> Result<String, Failure> {
    if said.len() > MAX_OUTPUT_BYTES {
        return Err(Refusal::TooLarge.into());
    }
    let said: Said<'_> = serde_json::from_str(said).map_err(|_| Refusal::NoData)?;
    match said.errors.map(RawValue::get) {
        None | Some("null" | "[]") => {}
        Some(errors) => {
            return Err(Failure {
                refusal: Refusal::Errors,
                detail: errors.to_owned(),
            });
        }
    }
    let data = said.data.map(RawValue::get).ok_or(Refusal::NoData)?;
    let is_fit = match call {
        Call::DecodeUplink { .. } => data.starts_with('{'),
        Call::Decode { .. } => data.starts_with(['{', '[']),
    };
    match is_fit {
        true => Ok(data.to_owned()),
        false => Err(Refusal::NoData.into()),
    }
}

#[cfg(test)]
mod tests;
