//! The sandbox of codecs (begun).
