#include <stdio.h>
#include "hello.h"
void hello(void){puts("Hello");}
