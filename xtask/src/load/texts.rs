//! What the clients have spoken.

/// Texts of half a second to five seconds.
pub const TEXTS: [&str; 8] = [
    "Yes.",
    "Good morning to all of you.",
    "The train to the coast leaves at half past nine.",
    "Nobody knew where the old map had come from.",
    "She opened the window, and the cold air came in.",
    "We have time. Let us look at it again tomorrow.",
    "When the rain stopped, the children went out to play in the garden behind the house.",
    "It was late in the year, and the road through the hills was already covered with snow.",
];
