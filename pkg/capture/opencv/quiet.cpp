//go:build opencv

#include <opencv2/core/utils/logger.hpp>

// OpenCV reads OPENCV_LOG_LEVEL before main starts, so setting the variable would come too late.
extern "C" void linkstart_opencv_quiet(void) {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
}
