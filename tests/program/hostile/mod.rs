//! Hostile texts, floods and curious neighbours: the real program in a real terminal on a real server.

mod bytes;
mod commands;
mod floods;
mod names;
mod rows;
mod secrets;
mod trust;
