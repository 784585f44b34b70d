#pragma once
void ls_release_libraries(void);
void ls_release_heap(void);
