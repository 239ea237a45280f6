// resume-lab-alarm MILLISECONDS: holds an alarm that is due after so long, says ARMED, and waits for
// a line. While an alarm is due within two seconds Linux's alarmtimer refuses to suspend
// (kernel/time/alarmtimer.c: alarmtimer_suspend).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#ifndef CLOCK_BOOTTIME_ALARM
#define CLOCK_BOOTTIME_ALARM 9
#endif

int main(int argc, char** argv) {
    const long milliseconds = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (milliseconds <= 0) {
        fprintf(stderr, "usage: resume-lab-alarm MILLISECONDS\n");
        return 64;
    }
    const int alarm = timerfd_create(CLOCK_BOOTTIME_ALARM, TFD_CLOEXEC);
    const struct itimerspec when = {.it_value = {.tv_sec = milliseconds / 1000,
                                                 .tv_nsec = milliseconds % 1000 * 1000000}};
    if (alarm < 0 || timerfd_settime(alarm, 0, &when, NULL) != 0) {
        perror("resume-lab-alarm: an alarm timer");
        return 70;
    }
    puts("ARMED");
    fflush(stdout);
    char line[16];
    (void)!fgets(line, sizeof line, stdin);  // the end of input ends it as well
    return 0;
}
