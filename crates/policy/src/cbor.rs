//! Reading CBOR.
use std::sync::Arc;
use crate::decode::DecodeError;
use crate::payload::Payload;
use crate::schema::Schema;
pub(crate) fn decode(_: &Arc<Schema>, _: &[u8]) -> Result<Payload, DecodeError> {
    Err(DecodeError::NotCbor(0))
}
