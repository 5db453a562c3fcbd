#include "answer.h"

const char *answer(void)
{
	return "hello from C\n";
}
