//! Reading SenML.
use std::sync::Arc;
use smallvec::SmallVec;
use crate::decode::DecodeError;
use crate::payload::Payload;
use crate::schema::Schema;
/// Why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no")]
pub struct SenmlError;
pub(crate) fn decode_json(_: &Arc<Schema>, _: &str) -> Result<SmallVec<[Payload; 1]>, DecodeError> {
    Err(DecodeError::NotCbor(0))
}
pub(crate) fn decode_cbor(_: &Arc<Schema>, _: &[u8]) -> Result<SmallVec<[Payload; 1]>, DecodeError> {
    Err(DecodeError::NotCbor(0))
}
