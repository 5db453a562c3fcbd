/* What the server answers. */
const char *answer(void);
