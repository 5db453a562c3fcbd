//! The limits editor in its states.

use super::*;

screens! {
    limits_of_one: COLOR, 160 x 45, "u";
    limits_narrow: COLOR, 80 x 24, "u";
    limits_at_the_least_size: COLOR, 60 x 12, "u down down";
    limits_changed: COLOR, 160 x 45, "u 2 down down down 1 g";
    limits_that_cannot_be_read: COLOR, 80 x 24, "u m u c h enter";
    limits_that_are_refused: COLOR, 80 x 24, "u down down 0 - 9 enter";
    limits_of_several: COLOR, 160 x 45, "space space u down down down 9 0 m";
    limits_in_ascii: ASCII, 80 x 24, "u 2";
}
