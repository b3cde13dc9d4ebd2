//! What clients say first: hellos, request heads, and the streams that they stand in.

mod bytes;
mod clienthello;
mod http;
mod ja4;
mod malformed;
mod oracle;
mod prefaces;
mod said;
mod streams;
mod tls;
